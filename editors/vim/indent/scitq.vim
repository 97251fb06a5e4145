" Indentation of scitq workflows: by the brackets of the lines before; the text of `run` as it is written.
if exists('b:did_indent')
  finish
endif
let b:did_indent = 1
setlocal indentexpr=ScitqIndent(v:lnum) indentkeys=0},0],0),o,O autoindent expandtab shiftwidth=2
let b:undo_indent = 'setlocal indentexpr< indentkeys< autoindent< expandtab< shiftwidth<'
if exists('*ScitqIndent')
  finish
endif

let s:run = '^\s*\%(on\s\+\w\+\s\+\)\?run\>[^|]*|\s*\%(#.*\)\?$'
" The list goes on: [ VALUE, and below it, deeper, for NAME in LIST ].
let s:for = '^\s*for\>'

" The line of `run` whose text the line is in, or 0. From the top: shell text may hold lines that look like one.
function! s:RunOf(line)
  let at = 1
  while at < a:line
    if getline(at) =~# s:run
      let deep = indent(at)
      let last = at
      while last < a:line && (indent(last + 1) > deep || getline(last + 1) =~# '^\s*$')
        let last += 1
      endwhile
      if last >= a:line
        return at
      endif
      let at = last
    endif
    let at += 1
  endwhile
  return 0
endfunction

" Opening brackets less closing ones, outside strings and comments.
function! s:Balance(text)
  let bare = substitute(a:text, '"\%(\\.\|[^"\\]\)*"', '', 'g')
  let bare = substitute(bare, '#.*', '', '')
  " What comes after `run |` is the shell's.
  let bare = substitute(bare, '\<run\>[^|]*|.*', '', '')
  return len(substitute(bare, '[^[({]', '', 'g')) - len(substitute(bare, '[^])}]', '', 'g'))
endfunction

function! ScitqIndent(line)
  let run = s:RunOf(a:line)
  let before = prevnonblank(a:line - 1)
  if run == 0 && getline(a:line) =~# s:for
    return indent(before) + shiftwidth()
  endif
  if run > 0
    if getline(a:line) !~# '^\s*$'
      return -1
    endif
    return before == run ? indent(run) + shiftwidth() : indent(before)
  endif
  " Behind a text of run its first line counts; behind the `for` of a list the element before it.
  while before > 0 && (s:RunOf(before) > 0 || getline(before) =~# s:for)
    let before = s:RunOf(before) > 0 ? s:RunOf(before) : prevnonblank(before - 1)
  endwhile
  if before == 0
    return 0
  endif
  let deep = indent(before)
  let balance = s:Balance(getline(before))
  if getline(before) =~# '^\s*[])}]'
    let balance += 1
  endif
  let deep += balance > 0 ? shiftwidth() : balance < 0 ? -shiftwidth() : 0
  if getline(a:line) =~# '^\s*[])}]'
    let deep -= shiftwidth()
  endif
  return deep < 0 ? 0 : deep
endfunction
