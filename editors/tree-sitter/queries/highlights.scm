; Generated from dsl/keywords.def by editors/treesitter_highlights.c.
; No node is captured twice: programs differ in which pattern counts then.

(member name: (identifier) @property)
(named_argument name: (identifier) @variable.parameter)
(parameters (identifier) @variable.parameter)
(setting name: (identifier) @property)
(setting_block name: (identifier) @property)
(condition name: (identifier) @property)
(field name: (identifier) @property)
(step name: (identifier) @function)
(step_use name: (identifier) @function)
(reference module: (identifier) @namespace)
(reference step: (identifier) @function)
(import name: (identifier) @namespace)
(type word: (identifier) @constant)
(hook outcome: (identifier) @constant)

((type name: (identifier) @type.builtin)
  (#any-of? @type.builtin "string" "int" "float" "bool" "size" "duration" "depth" "uri" "file"))

((call name: (identifier) @function.builtin)
  (#any-of? @function.builtin "lines" "table" "columns" "files" "ena" "sra"))

((call name: (identifier) @function.builtin)
  (#any-of? @function.builtin "count" "previous"))

((pipe action: (identifier) @function.builtin)
  (#any-of? @function.builtin "untar" "gunzip" "unzip" "mv"))

[
  "if"
  "else"
  "then"
  "gather"
  "assert"
  "matches"
  "and"
  "or"
  "not"
  "has"
  "lacks"
  "like"
  "unlike"
  "true"
  "false"
  "none"
] @keyword

[
  "scitq"
  "param"
  "let"
  "workflow"
  "recruiter"
  "step"
  "foreach"
  "import"
  "as"
  "in"
  "where"
  "for"
  "into"
  "min"
  "on"
  "profile"
  "test"
  "help"
  "run"
] @keyword

(number) @number
(string) @string
(regex) @string.special
(escape) @string.escape
(string_name) @variable
(interpolation) @embedded
(interpolation
  "${" @punctuation.special
  "}" @punctuation.special)
(interpreter) @function.macro
(comment) @comment

[
  "="
  "=="
  "!="
  "<"
  "<="
  ">"
  ">="
  "+"
  "-"
  "*"
  "/"
  "%"
  ".."
  "|>"
  "|"
  "?"
] @operator

[
  ","
  "."
  ":"
] @punctuation.delimiter

[
  "("
  ")"
  "["
  "]"
  "{"
] @punctuation.bracket
(block "}" @punctuation.bracket)
(record "}" @punctuation.bracket)
(type "}" @punctuation.bracket)
