" Vim syntax file of scitq workflows. Generated from dsl/keywords.def by editors/vim_syntax.c.
if exists('b:current_syntax')
  finish
endif
syn include @scitqShell syntax/sh.vim
unlet! b:current_syntax
syn iskeyword @,48-57,_

syn keyword scitqReserved if else then gather assert matches and or not has lacks like unlike true false none
syn keyword scitqKeyword scitq param let workflow recruiter step foreach import as in where for into min on profile test help run
syn keyword scitqType string int float bool size duration depth uri file
syn keyword scitqFunction lines table columns files ena sra
syn keyword scitqFunction count previous
syn keyword scitqAction untar gunzip unzip mv
syn match scitqSetting +\<\%(container\|container_options\|shell\|exec\|bind\|env\|input\|resource\|output\|yields\|publish\|keep\|storage\|after\|when\|name\|retry\|accept_failure\|priority\|use_cache\|cache\|epoch\|download_timeout\|run_timeout\|upload_timeout\|concurrency\|cpu\|memory\|gpu\|recruiters\|maximum_workers\|max_cost\|provider\|region\|flavor\|prefetch\|tasks_per_worker\|rounds\|minimum_tasks\|params\|fails\)\ze\s*[={]+
syn match scitqNumber +\<\d[0-9.]*\%([a-zA-Z]\w*\|%\)\?+
syn match scitqComment +#.*$+ contains=scitqTodo
syn keyword scitqTodo TODO FIXME contained
syn match scitqValue +\$\h\w*\|\${[^}]*}+ contained
syn region scitqString start=+"+ skip=+\\.+ end=+"+ oneline contains=scitqValue

" The text of `run`: the rest of the line, or the lines indented deeper than it.
syn region scitqRunLine matchgroup=scitqKeyword start=+^\s*\%(on\s\+\w\+\s\+\)\?run\>[^|]*|\ze\s*\S+ end=+$+ oneline keepend contains=@scitqShell
syn region scitqRunText matchgroup=scitqKeyword start=+^\z(\s*\)\%(on\s\+\w\+\s\+\)\?run\>[^|]*|\s*\%(#.*\)\?$+ end=+^\%(\z1\s\+\S\|\s*$\)\@!+me=s-1 keepend contains=@scitqShell

hi def link scitqReserved Statement
hi def link scitqKeyword Keyword
hi def link scitqType Type
hi def link scitqFunction Function
hi def link scitqAction Function
hi def link scitqSetting Identifier
hi def link scitqNumber Number
hi def link scitqComment Comment
hi def link scitqTodo Todo
hi def link scitqString String
hi def link scitqValue Special
let b:current_syntax = 'scitq'
