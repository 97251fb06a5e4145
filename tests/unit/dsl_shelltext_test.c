/*
 * The scan of shell text: each row is a text and all that must be found in it, printed
 * by describe(): names read (kind by sign), names set, paths, pipes, sourcing.
 */
#include "base/str.h"
#include "dsl/shelltext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *const ref_signs[] = {
        [SHELL_PLAIN] = "$",      [SHELL_BRACED] = "${}",       [SHELL_LENGTH] = "${#}",
        [SHELL_DEFAULT] = "${-}", [SHELL_ARITHMETIC] = "$(())", [SHELL_FIELD] = "${.}",
        [SHELL_QUOTED] = "'$'",
};
static const char *const set_signs[] = {
        [SHELL_ASSIGN] = "=",
        [SHELL_LOOP] = "for",
        [SHELL_READ] = "read",
        [SHELL_DECLARE] = "local",
};
static const char *const root_names[] = {"IN", "OUT", "RES", "TMP"};

static void describe(const char *text, const struct shelltext *st, struct str *out)
{
	for (size_t i = 0; i < st->nrefs; i++) {
		const struct shell_ref *r = &st->refs[i];

		assert_int_equal(strlen(r->name), r->length);
		assert_memory_equal(text + r->offset, r->name, r->length);
		assert_true(r->whole <= r->offset);
		assert_true(r->whole + r->whole_length >= r->offset + r->length);
		assert_true(r->whole + r->whole_length <= strlen(text));
		str_addf(out, "%s%s%s%s%s", out->len ? " " : "", ref_signs[r->kind], r->name,
		         r->field ? "." : "", r->field ? r->field : "");
	}
	for (size_t i = 0; i < st->nsets; i++) {
		const struct shell_set *s = &st->sets[i];

		assert_memory_equal(text + s->offset, s->name, s->length);
		str_addf(out, "%s%s:%s", out->len ? " " : "", set_signs[s->kind], s->name);
	}
	for (size_t i = 0; i < st->npaths; i++) {
		const struct shell_path *p = &st->paths[i];

		assert_true(p->offset + p->length <= strlen(text));
		str_addf(out, "%s%s%s[%s]%s", out->len ? " " : "", p->absolute ? "/" : "",
		         root_names[p->root], p->text, p->exact ? "" : "..");
	}
	for (size_t i = 0; i < st->npipes; i++) {
		assert_int_equal(text[st->pipes[i]], '|');
		str_addf(out, "%s|@%zu", out->len ? " " : "", st->pipes[i]);
	}
	if (st->sources)
		str_addf(out, "%s!%.*s", out->len ? " " : "", (int)st->sources_length,
		         text + st->sources_offset);
	if (st->open_quote)
		str_addf(out, "%sopen:%c@%zu", out->len ? " " : "", text[st->quote_offset],
		         st->quote_offset);
	if (st->argument_length > 0)
		str_addf(out, "%sargument:%.*s", out->len ? " " : "", (int)st->argument_length,
		         text + st->argument_offset);
}

struct row {
	const char *text, *want;
};

static void check(const struct row *rows, size_t n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct arena arena;
		struct shelltext st;
		struct str got = STR_INIT;

		arena_init(&arena);
		shelltext_scan(&arena, rows[i].text, strlen(rows[i].text), &st);
		describe(rows[i].text, &st, &got);
		if (strcmp(got.p, rows[i].want) != 0) {
			print_error("%s\n got: %s\nwant: %s\n", rows[i].text, got.p, rows[i].want);
			wrong++;
		}
		str_release(&got);
		arena_release(&arena);
	}
	assert_int_equal(wrong, 0);
}

#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

static void open_quotes(void **state)
{
	static const struct row rows[] = {
	        {"echo 'a", "open:'@5"},
	        {"echo \"a $(echo \"b\")", "open:\"@5"},
	        {"echo \"a $(echo 'b)\"", "open:'@15"},
	        {"echo $'a\\'", "open:'@6"},
	        {"x=${y%'a}", "${}y =:x open:'@6"},
	        {"echo it\\'s \"it's\" # it's", ""},
	        {"cat <<A\nit's \"\nA\n", ""},
	        {"case x in x) echo 'a' ;; esac # '", ""},
	        {"echo `echo 'a` b", ""},
	};

	(void)state;
	CHECK(rows);
}

static void arguments(void **state)
{
	static const struct row rows[] = {
	        {"awk \"{print $2}\"", "argument:$2"},
	        {"echo ${1} $2", "argument:${1}"},
	        {"echo $10 $((1 + $3))", "argument:$1"},
	        {"echo ${1:-a} ${2#a} $0 $# \"$@\" '$1' \\$1", ""},
	        {"set -e; echo $1", "argument:$1"},
	        {"set -- a; echo $1", ""},
	        {"set a; echo $1", ""},
	        {"set +eu; echo $1", ""},
	        {"f() { echo $1; }", ""},
	        {"function f { echo $1; }", ""},
	        {"eval \"set a\"; echo $1", "!eval"},
	};

	(void)state;
	CHECK(rows);
}

static void names(void **state)
{
	static const struct row rows[] = {
	        {"echo $a ${b} \"$c\" \"${d}x\"", "$a $b $c $d"},
	        {"echo $CPU $INPUT ${Home} $_x $__ $1 $@ $# $? $$ $! $- $*", "$_x argument:$1"},
	        {"echo $a_b9.gz x$y", "$a_b9 $y"},
	        {"echo \\$a \"\\$b\" \"\\\\$c\" \\\\$d", "$c $d"},
	        {"echo ${x%.gz} ${x##*/} ${x/a/b} ${x^^} ${x@Q} ${x?m}",
	         "${}x ${}x ${}x ${}x ${}x ${}x"},
	        {"echo ${#x} ${#} ${#@} ${##}", "${#}x"},
	        {"echo ${x:-d} ${x-d} ${x:+d} ${x+d}", "${-}x ${-}x ${-}x ${-}x"},
	        {"echo ${x:=d} ${y=d}", "${-}x ${-}y =:x =:y"},
	        {"echo ${x:?no} ${x:2} ${x:n:m} ${x: -1}", "${}x ${}x ${}x $(())n $(())m ${}x"},
	        {"echo ${x:-$y} ${x%\"$z\"} ${x:-${u:-${v}}}", "${-}x $y ${}x $z ${-}x ${-}u $v"},
	        {"echo ${row.r1} ${row.r1%.gz}", "${.}row.r1 ${.}row.r1"},
	        {"echo ${!x} ${!x*} ${!x@} ${!x[@]}", "${}x ${}x"},
	        {"echo ${a[0]} ${a[@]} ${#a[@]} ${a[i+1]} ${a[$j]} ${a[@]:-d}",
	         "${}a ${}a ${#}a ${}a $(())i ${}a $j ${-}a"},
	        {"echo $", ""},
	        {"echo \"$\"$'a$b\\'$c' $\"$d\" $e", "$d $e"},
	        {"echo ${", ""},
	        {"echo ${x", "${}x"},
	        {"", ""},
	};

	(void)state;
	CHECK(rows);
}

static void quotes(void **state)
{
	static const struct row rows[] = {
	        {"awk '{ print $1, $x }' ${y}", "'$'x $y"},
	        {"echo 'a ${b} ${c%d} $(e)' 'f'\"$g\"'h'", "'$'b $g"},
	        {"echo \"a 'b $c' d\"", "$c"},
	        {"echo \"$(echo \"$a\" '$b')\" `echo $c` \"`echo $d`\"", "$a '$'b $c $d"},
	        {"echo $(echo $(echo $x)) $(echo ')' $y)", "$x $y"},
	        {"echo a#$x #$y\n# $z\necho $u", "$x $u"},
	        {"echo '$a' # it's\necho $b", "'$'a $b"},
	        {"x='a b' y=\"c $d\" z=$e cmd", "$d $e =:x =:y =:z"},
	        {"echo 'open $x", "'$'x open:'@5"},
	        {"echo \"open $x", "$x open:\"@5"},
	        {"echo $(open $x", "$x"},
	        {"echo `open $x", "$x"},
	        {"echo \\", ""},
	        {"echo \"\\", "open:\"@5"},
	};

	(void)state;
	CHECK(rows);
}

static void arithmetic(void **state)
{
	static const struct row rows[] = {
	        {"echo $((a + 2*b)) $(( ${c} + $d ))", "$(())a $(())b $c $d"},
	        {"echo $((0x1f + 16#ff + N)) $[e+1]", "$(())e"},
	        {"((i = 3, j += k, l++, --m, n == o, p <<= 1))",
	         "$(())j $(())k $(())l $(())m $(())n $(())o $(())p =:i =:j =:l =:m =:p"},
	        {"for ((i=0; i<n; i++)); do echo $i; done", "$(())i $(())n $(())i $i =:i =:i"},
	        {"echo $((a)) $( (echo $b) ) $((echo $c); (echo $d))", "$(())a $b $c $d"},
	        {"echo \"$((a*(b+1)))\"", "$(())a $(())b"},
	        {"if ((a > 1)); then echo; fi", "$(())a"},
	        {"x[i]=3; y=(a b); echo ${x[i]}", "$(())i ${}x $(())i =:x =:y"},
	        {"declare -A m; m[key]=1; echo ${m[key]} ${m[$k]} ${o[key]}",
	         "${}m ${}m $k ${}o $(())key local:m =:m"},
	        {"declare -A m=([a]=1 [b]=$c); echo ${m[a]}", "$c ${}m local:m"},
	        {"echo $((a", ""},
	        {"echo $((a[b", ""},
	};

	(void)state;
	CHECK(rows);
}

static void assignments(void **state)
{
	static const struct row rows[] = {
	        {"x=1; y+=2; z[1]=3 && u=4 || v=5 | w=6", "=:x =:y =:z =:u =:v =:w |@32"},
	        {"echo x=1 y", ""},
	        {"env a=1 b=2 cmd; A=1", ""},
	        {"for f in *.gz; do echo $f; done", "$f for:f"},
	        {"for f; do :; done; select g in a b; do :; done", "for:f for:g"},
	        {"while IFS=$'\\t' read -r a b; do :; done < x", "read:a read:b"},
	        {"read -ra arr -p \"p $q\" -t 3 c <<< \"$d\"", "$q $d read:arr read:c"},
	        {"read -d '' x", "read:x"},
	        {"local a b=1 -r; export c; declare -i d=2 e; typeset f; readonly g=$h",
	         "$h local:a local:b local:c local:d local:e local:f local:g"},
	        {"printf -v out '%s' x; printf '%s' y", "read:out"},
	        {"mapfile -t lines < f; readarray -n 3 rows", "read:lines read:rows"},
	        {"while getopts ab: opt; do :; done", "read:opt"},
	        {"if x=$(cmd); then y=1; else z=2; fi", "=:x =:y =:z"},
	        {"{ a=1; }; (b=2); ! c=3", "=:a =:b =:c"},
	        {"exec {fd}>out {io}<in 2>err; command read v", "=:fd =:io read:v"},
	        {"a=1 b=2 prog c=3", "=:a =:b"},
	        {"f() { local x=1; }; function g { y=2; }; function h() { z=3; }",
	         "local:x =:y =:z"},
	        {"arr=( one # two)\n  $three 'four' )\nx=1", "$three =:arr =:x"},
	        {"x=1\\\n y=2", "=:x =:y"},
	        {"let n=3 m+=1", "=:n =:m"},
	        {"> out x=1", "=:x"},
	};

	(void)state;
	CHECK(rows);
}

static void heredocs(void **state)
{
	static const struct row rows[] = {
	        {"cat <<EOF\n$a '$b' \\$c $(echo $d) \"$e\nEOF\necho $f", "$a $b $d $e $f"},
	        {"cat <<'EOF' | sort\n$a | b\nEOF\necho $f", "$f |@12"},
	        {"cat <<\"E F\"\n$a\nE F\necho $f", "$f"},
	        {"cat <<\\EOF\n$a\nEOF\necho $f", "$f"},
	        {"cat <<-EOF > \"$o\"\n\t$a\n\tEOF\n\techo $f", "$o $a $f"},
	        {"cat <<A <<'B'\n$a\nA\n$b\nB\necho $c", "$a $c"},
	        {"x=$(cat <<EOF\n$a )\nEOF\n); echo $x", "$a $x =:x"},
	        {"cat <<EOF\n$a\n EOF\n$b", "$a $b"},
	        {"cat <<EOF", ""},
	        {"cat <<", ""},
	        {"cat << EOF;x=1\n$a it's\nEOF\ny=2", "$a =:x =:y"},
	        {"cat <<< $a\necho $b", "$a $b"},
	        {"python3 - <<'E'\nx = f\"${y}\"\nE", ""},
	};

	(void)state;
	CHECK(rows);
}

static void syntax(void **state)
{
	static const struct row rows[] = {
	        {"case $x in a|b) y=1 ;; (c) z=2;; *) w=3 ;& d) v=4 ;;& esac | cat",
	         "$x =:y =:z =:w =:v |@59"},
	        {"x=$(case $a in b) echo $c;; esac); echo $d", "$a $c $d =:x"},
	        {"case $x in\n  # a comment)\n  \"$y\") z=1\nesac\nu=1", "$x $y =:z =:u"},
	        {"[[ $x =~ ^(a|b)$ && $y < z ]] && w=1", "$x $y =:w"},
	        {"a | b |& c || d && e & f; g >| h", "|@2 |@6"},
	        {"echo a\\|b 'c|d' \"e|f\" @(g|h) # i | j", ""},
	        {"diff <(sort $a | uniq) >(cat > $b)", "$a $b |@15"},
	        {"cmd 2>&1 >\"$out\" </dev/null &> $log", "$out $log"},
	        {". ./env.sh; x=1", "=:x !."},
	        {"eval \"$x\"; source f", "$x !eval"},
	        {"source \"$f\"", "$f !source"},
	        {"./eval source .", ""},
	        {"parallel -j 3 'echo {}' ::: ${a} {1..3}", "$a"},
	        {"echo $a)$b) c=1", "$a $b =:c"},
	        {"echo ((((", ""},
	};

	(void)state;
	CHECK(rows);
}

static void paths(void **state)
{
	static const struct row rows[] = {
	        {"cat \"$INPUT\"/a.txt \"$INPUT/b c.txt\" $INPUT/d \"${OUTPUT}/e\"",
	         "IN[a.txt] IN[b].. IN[d] OUT[e]"},
	        {"cat \"$INPUT\"/*.f*q.gz \"$INPUT\" $INPUT/", ""},
	        {"cat \"$INPUT\"/x_*.gz $INPUT/{a,b}", "IN[x_].."},
	        {"cp \"$INPUT/$sample.gz\" \"$OUTPUT/${sample}_x/$n\"",
	         "$sample $sample $n IN[${sample}.gz] OUT[${sample}_x/${n}]"},
	        {"cp $INPUT/${x%.gz} $INPUT/a$(date) $INPUT/b$CPU", "${}x IN[a].. IN[b].."},
	        {"x --in=$INPUT/a --out \"$TEMP/t\" -x\"$RESOURCE/idx/g\"",
	         "IN[a] TMP[t] RES[idx/g]"},
	        {"f=$OUTPUT/r.txt; cat > \"$OUTPUT\"/s.txt", "=:f OUT[r.txt] OUT[s.txt]"},
	        {"cat /input/a \"/output/b\" --x=/resource/c 's/input/x/' /temp/ x/input/y",
	         "/IN[a] /OUT[b] /RES[c]"},
	        {"cat $INPUT.txt ${INPUT}x $INPUTS/a", "$INPUTS"},
	        {"sort $INPTU $TMP $OUTDIR $INPUT_1; IMPUT=1", "$INPTU =:IMPUT"},
	        {"sh -c \"cat $INPUT/a $INPUT/b\"", "IN[a].. IN[b]"},
	        {"cat <<EOF\n$INPUT/a\nEOF", "IN[a].."},
	        {"a:$INPUT/x:$INPUT/y,$OUTPUT/z", "IN[x].. IN[y].. OUT[z]"},
	};

	(void)state;
	CHECK(rows);
}

/* Deep or long texts neither overflow the stack nor take long. */
static void extremes(void **state)
{
	static const char *const pieces[] = {
	        "$(",   "`",  "\"", "${x:-", "((", "$((", "(", "x=(", "case x in a) ",
	        "<<A ", "@(", "[",  "$[",    "'",  "{ "};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct arena arena;
		struct shelltext st;
		struct str text = STR_INIT;

		arena_init(&arena);
		for (unsigned k = 0; k < 20000; k++)
			str_adds(&text, pieces[i]);
		shelltext_scan(&arena, text.p, text.len, &st);
		str_release(&text);
		arena_release(&arena);
	}
}

static void first_set(void **state)
{
	static const char text[] = "echo $x; for x in a; do x=1; done";
	struct arena arena;
	struct shelltext st;

	(void)state;
	arena_init(&arena);
	shelltext_scan(&arena, text, strlen(text), &st);
	assert_non_null(shelltext_set(&st, "x"));
	assert_int_equal(shelltext_set(&st, "x")->kind, SHELL_LOOP);
	assert_null(shelltext_set(&st, "y"));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names),       cmocka_unit_test(open_quotes),
	        cmocka_unit_test(arguments),   cmocka_unit_test(quotes),
	        cmocka_unit_test(quotes),      cmocka_unit_test(arithmetic),
	        cmocka_unit_test(assignments), cmocka_unit_test(heredocs),
	        cmocka_unit_test(syntax),      cmocka_unit_test(paths),
	        cmocka_unit_test(extremes),    cmocka_unit_test(first_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
