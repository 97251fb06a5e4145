;;; scitq-words.el --- the words of scitq  -*- lexical-binding: t; -*-
;; Generated from dsl/keywords.def by editors/emacs_words.c.
;;; Code:

(defconst scitq-words-reserved
  '("if" "else" "then" "gather" "assert" "matches" "and" "or" "not" "has" "lacks" "like" "unlike" "true" "false" "none"))

(defconst scitq-words-contextual
  '("scitq" "param" "let" "workflow" "recruiter" "step" "foreach" "import" "as" "in" "where" "for" "into" "min" "on" "profile" "test" "help" "run"))

(defconst scitq-words-types
  '("string" "int" "float" "bool" "size" "duration" "depth" "uri" "file"))

(defconst scitq-words-sources
  '("lines" "table" "columns" "files" "ena" "sra"))

(defconst scitq-words-functions
  '("count" "previous"))

(defconst scitq-words-actions
  '("untar" "gunzip" "unzip" "mv"))

(defconst scitq-words-settings
  '("container" "container_options" "shell" "exec" "bind" "env" "input" "resource" "output" "yields" "publish" "keep" "storage" "after" "when" "name" "retry" "accept_failure" "priority" "use_cache" "cache" "epoch" "download_timeout" "run_timeout" "upload_timeout" "concurrency" "cpu" "memory" "gpu" "recruiters" "maximum_workers" "max_cost" "provider" "region" "flavor" "prefetch" "tasks_per_worker" "rounds" "minimum_tasks" "params" "fails"))

(provide 'scitq-words)
;;; scitq-words.el ends here
