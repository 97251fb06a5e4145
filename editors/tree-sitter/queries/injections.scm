; The text of `run` in the language of its interpreter. Nodes inside, the white space that the lines
; have in common, are no part of what is injected.

((run
  !interpreter
  text: (script) @injection.content)
  (#set! injection.language "bash"))

((run
  interpreter: (interpreter . (word) @_program)
  text: (script) @injection.content)
  (#match? @_program "^(.*/)?(bash|sh|dash|ksh|zsh)$")
  (#set! injection.language "bash"))

((run
  interpreter: (interpreter . (word) @_program)
  text: (script) @injection.content)
  (#match? @_program "^(.*/)?python[0-9.]*$")
  (#set! injection.language "python"))

((run
  interpreter: (interpreter . (word) @_program)
  text: (script) @injection.content)
  (#match? @_program "^(.*/)?(R|Rscript)$")
  (#set! injection.language "r"))

((run
  interpreter: (interpreter . (word) @_program)
  text: (script) @injection.content)
  (#match? @_program "^(.*/)?perl$")
  (#set! injection.language "perl"))

((run
  interpreter: (interpreter . (word) @_program)
  text: (script) @injection.content)
  (#match? @_program "^(.*/)?ruby$")
  (#set! injection.language "ruby"))

((run
  interpreter: (interpreter . (word) @_program)
  text: (script) @injection.content)
  (#match? @_program "^(.*/)?(node|nodejs)$")
  (#set! injection.language "javascript"))

((regex) @injection.content
  (#set! injection.language "regex"))

((comment) @injection.content
  (#set! injection.language "comment"))
