// The grammar of .scitq files for tree-sitter, as dsl/grammar.y has it. What is no token of a
// regular kind src/scanner.c finds: new lines that end a statement, and the text of `run`.

// Words of the language that may be names elsewhere; all others are reserved.
const CONTEXTUAL = [
  "scitq", "param", "let", "workflow", "recruiter", "step", "foreach", "profile", "test", "import",
  "as", "in", "where", "for", "into", "min", "help", "on",
];

// Items with separators between them, before and behind; one of either at least.
const separated = (separator, item) =>
  choice(seq(repeat1(choice(separator, seq(item, separator))), optional(item)), item);
const listed = (item) => seq(item, repeat(seq(",", item)), optional(","));

module.exports = grammar({
  name: "scitq",

  externals: ($) => [
    $._newline,
    $._run,
    $._text_begin,
    $.indentation,
    $._text_line,
    $._text_rest,
    $._percent,
    $._error_sentinel,
  ],

  extras: ($) => [/[ \t\f\v\r\n]/, $.comment],

  word: ($) => $.identifier,

  supertypes: ($) => [$._statement, $._expression],

  rules: {
    source_file: ($) => optional($._body),

    _body: ($) => separated($._separator, $._statement),
    _separator: ($) => choice($._newline, ","),
    block: ($) => seq("{", optional($._body), "}"),

    comment: () => token(prec(-1, /#[^\n]*/)),

    // ---- statements ----

    _statement: ($) =>
      choice(
        $.version,
        $.import,
        $.param,
        $.let,
        $.assert,
        $.workflow,
        $.recruiter,
        $.step,
        $.step_use,
        $.foreach,
        $.run,
        $.hook,
        $.test,
        $.profile,
        $.then,
        $.if,
        $.setting,
        $.setting_block,
        $.condition,
        $.bare_name,
      ),

    version: ($) => seq("scitq", $.number),
    import: ($) => seq("import", field("path", $.string), "as", field("name", $._name)),
    param: ($) =>
      seq("param", field("name", $._name), ":", field("type", $.type), repeat($._param_option)),
    _param_option: ($) =>
      choice(
        seq("=", field("default", $._sum)),
        seq("in", field("in", $._ranged)),
        seq("matches", field("matches", $.regex)),
        seq("help", field("help", $.string)),
      ),
    let: ($) => seq("let", field("name", $._name), "=", field("value", $._expression), optional($._where)),
    _where: ($) => seq("where", field("where", $._expression)),
    assert: ($) =>
      seq("assert", field("condition", $._expression), optional(seq("else", field("message", $._expression)))),
    workflow: ($) => seq("workflow", field("name", $.string), field("body", $.block)),
    recruiter: ($) => seq("recruiter", field("name", $._name), field("body", $.block)),
    step: ($) =>
      seq("step", field("name", $._name), optional(field("parameters", $.parameters)), field("body", $.block)),
    parameters: ($) => seq("(", optional(listed($._name)), ")"),
    step_use: ($) =>
      seq("step", field("name", $._name), "=", field("step", $.reference), optional(field("body", $.block))),
    reference: ($) => seq(optional(seq(field("module", $._name), ".")), field("step", $._name)),
    foreach: ($) =>
      seq("foreach", $.loop, repeat(seq(",", $.loop)), optional($._where), field("body", $.block)),
    loop: ($) => seq(field("name", $._name), "in", field("source", $._expression)),
    hook: ($) => seq("on", field("outcome", $._name), $.run),
    test: ($) => seq("test", field("name", $.string), field("body", $.block)),
    profile: ($) => seq("profile", field("name", $._name), field("body", $.block)),
    then: ($) => seq("then", field("path", $.string), optional(field("body", $.block))),
    if: ($) =>
      seq("if", field("condition", $._expression), field("body", $.block), optional($.else)),
    else: ($) => seq("else", choice(field("body", $.block), $.if)),

    setting: ($) => seq(field("name", $._name), "=", field("value", $._expression)),
    setting_block: ($) => seq(field("name", $._name), field("body", $.block)),
    condition: ($) => seq(field("name", $._name), field("operator", $._relation), field("value", $._sum)),
    bare_name: ($) => $._name,

    // ---- the text of run ----

    run: ($) =>
      seq(
        alias($._run, "run"),
        optional(field("interpreter", $.interpreter)),
        "|",
        choice(
          field("text", alias($._one_line, $.script)),
          seq($._text_begin, field("text", $.script)),
        ),
      ),
    _one_line: ($) => $._text_rest,
    interpreter: ($) => repeat1($.word),
    word: () => token(prec(1, /[A-Za-z0-9_\-+.\/:,@%=]+/)),
    // White space that the lines have in common is a node of its own: without it they are the script.
    script: ($) => repeat1(seq($.indentation, $._text_line)),

    // ---- types ----

    type: ($) => seq($._base_type, optional("?")),
    _base_type: ($) =>
      choice(
        field("name", $._name),
        seq("(", field("word", $._name), repeat(seq("|", field("word", $._name))), ")"),
        seq("[", $.type, "]"),
        seq("{", optional(separated($._separator, $.field)), "}"),
      ),
    field: ($) => seq(field("name", $._name), ":", field("type", $.type)),

    // ---- expressions, from the loosest to the tightest ----

    _expression: ($) => choice($.choice, $._piped),
    choice: ($) =>
      seq(
        "if",
        field("condition", $._expression),
        "then",
        field("yes", $._expression),
        "else",
        field("no", $._expression),
      ),

    _piped: ($) => choice($.pipe, $._logical),
    pipe: ($) => seq(field("value", $._piped), "|>", field("action", $._name), optional($.arguments)),

    _logical: ($) => choice($.logical, $._compared),
    logical: ($) =>
      choice(
        prec.left(1, seq(field("left", $._logical), field("operator", "or"), field("right", $._logical))),
        prec.left(2, seq(field("left", $._logical), field("operator", "and"), field("right", $._logical))),
        prec(3, seq(field("operator", "not"), field("right", $._logical))),
      ),

    _compared: ($) => choice($.comparison, $._ranged),
    comparison: ($) =>
      choice(
        seq(field("left", $._ranged), field("operator", $._relation), field("right", $._ranged)),
        seq(field("left", $._ranged), field("operator", "matches"), field("right", $.regex)),
      ),
    _relation: () => choice("==", "!=", "<", "<=", ">", ">=", "has", "lacks", "like", "unlike"),

    _ranged: ($) => choice($.range, $._sum),
    range: ($) => seq(field("first", $._sum), "..", field("last", $._sum)),

    _sum: ($) => choice($.arithmetic, $.gather, $._postfix),
    arithmetic: ($) =>
      choice(
        prec.left(1, seq(field("left", $._sum), field("operator", choice("+", "-")), field("right", $._sum))),
        prec.left(2, seq(field("left", $._sum), field("operator", choice("*", "/", "%")), field("right", $._sum))),
        prec(3, seq(field("operator", "-"), field("right", $._sum))),
      ),
    gather: ($) =>
      seq(
        "gather",
        field("of", $._postfix),
        optional(seq("into", field("into", $._postfix))),
        optional(seq("min", field("min", $._postfix))),
      ),

    _postfix: ($) => choice($.member, $._primary),
    member: ($) => seq(field("of", $._postfix), ".", field("name", $._name)),

    _primary: ($) =>
      choice(
        $._name,
        $.call,
        $.number,
        $.constant,
        $.string,
        $.list,
        $.comprehension,
        $.record,
        $.parentheses,
      ),
    parentheses: ($) => seq("(", $._expression, ")"),
    record: ($) => seq("{", optional($._body), "}"),
    call: ($) => seq(field("name", $._name), $.arguments),
    arguments: ($) => seq("(", optional(listed($._argument)), ")"),
    _argument: ($) => choice($._expression, $.named_argument),
    named_argument: ($) => seq(field("name", $._name), "=", field("value", $._expression)),

    list: ($) => seq("[", optional(listed($._element)), "]"),
    comprehension: ($) =>
      seq(
        "[",
        field("body", $._element),
        "for",
        field("name", $._name),
        "in",
        field("source", $._expression),
        optional($._where),
        "]",
      ),
    _element: ($) => choice($._expression, $.refinement),
    refinement: ($) => seq(field("of", $._expression), field("body", $.block)),

    // ---- tokens ----

    constant: () => choice("true", "false", "none"),

    number: ($) => seq($._digits, optional($._percent)),
    _digits: () =>
      token(/[0-9]+(\.[0-9]+)?([eE][+-][0-9]+)?([A-Za-z_][A-Za-z_0-9]*(\.[0-9]+[A-Za-z_0-9]*)?)?/),

    string: ($) =>
      seq('"', repeat(choice($._string_text, $.escape, $.string_name, $.interpolation)), token.immediate('"')),
    _string_text: () => token.immediate(prec(1, /[^"\\$\n]+/)),
    escape: () => token.immediate(/\\["\\$nt]/),
    string_name: () => token.immediate(/\$[A-Za-z_][A-Za-z_0-9]*/),
    interpolation: ($) => seq(token.immediate("${"), $._expression, "}"),

    regex: () => token(seq("/", repeat(choice(/[^\/\\\n]/, /\\[^\n]/)), "/")),

    identifier: () => /[A-Za-z_][A-Za-z_0-9]*/,
    _name: ($) => choice($.identifier, ...CONTEXTUAL.map((word) => alias(word, $.identifier))),
  },
});
