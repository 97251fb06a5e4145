au BufRead,BufNewFile *.scitq setfiletype scitq
