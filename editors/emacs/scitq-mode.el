;;; scitq-mode.el --- major mode for scitq workflows  -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "27.1"))
;; Keywords: languages

;;; Commentary:

;; Highlighting, indentation and comments of .scitq files; the text of `run' is painted as the shell
;; that it is.  The words come from scitq-words.el, which is generated.  With eglot (Emacs 29, or its
;; package) `M-x eglot' starts scitq-lsp.

;;; Code:

(require 'scitq-words)
(require 'sh-script)

(defgroup scitq nil "Editing scitq workflows." :group 'languages)

(defcustom scitq-indent-offset 2
  "Columns of one level of braces."
  :type 'integer
  :safe #'integerp)

(defconst scitq--run-regexp
  "^\\([ \t]*\\)\\(?:on[ \t]+[a-z]+[ \t]+\\)?\\(run\\)\\>[^|\n]*|"
  "A line that begins the text of `run': its white space, the word.")

(defun scitq--run-text (limit)
  "Find the next text of `run' whose first line ends before LIMIT.
LIMIT nil is the end of the buffer.  Return (START END FIRST), FIRST where the
line of `run' begins, and leave point behind the text; or return nil.  The text
is the rest of the line, or else the lines that are blank or indented deeper."
  (when (re-search-forward scitq--run-regexp limit t)
    (let ((white (match-string-no-properties 1))
          (first (match-beginning 0))
          (start (point)))
      (if (not (looking-at "[ \t]*\\(?:#.*\\)?$"))
          (goto-char (line-end-position))
        (forward-line 1)
        (setq start (point))
        (while (and (not (eobp))
                    (looking-at (concat (regexp-quote white) "[ \t]+[^ \t\n]\\|[ \t]*$")))
          (forward-line 1)))
      (list start (point) first))))

(defun scitq--text-around (place)
  "The text of `run' around PLACE, as of `scitq--run-text', or nil.
From the beginning of the buffer: shell text may hold lines that look like
`run'."
  (save-excursion
    (goto-char (point-min))
    (let ((text t) found)
      (while (and text (not found) (<= (point) place))
        (setq text (scitq--run-text nil))
        (when (and text (<= (nth 2 text) place) (< place (nth 1 text)))
          (setq found text)))
      found)))

;;; Syntax

(defvar scitq-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?\\ "\\" table)
    (modify-syntax-entry ?_ "w" table)
    (modify-syntax-entry ?' "." table)
    table)
  "Syntax table of `scitq-mode'.")

(defun scitq--propertize (start end)
  "Between START and END no sign in a text of `run' is one of ours.
Neither a quote, nor a comment, nor a bracket."
  (let ((text (scitq--text-around start)))
    (goto-char (if text (nth 2 text) start))
    (while (and (< (point) end) (setq text (scitq--run-text end)))
      (scitq--make-plain (max start (nth 0 text)) (min end (nth 1 text))))))

(defun scitq--make-plain (start end)
  "Make each sign of syntax between START and END punctuation."
  (save-excursion
    (goto-char start)
    (while (re-search-forward "[][\"#(){}\\\\]" end t)
      (put-text-property (1- (point)) (point) 'syntax-table '(1)))))

(defvar font-lock-beg)
(defvar font-lock-end)

(defun scitq--extend-region ()
  "Paint a text of `run' as a whole, with its first line."
  (let ((beg font-lock-beg)
        (end font-lock-end)
        (first (scitq--text-around font-lock-beg))
        (last (scitq--text-around font-lock-end)))
    (when first (setq font-lock-beg (min beg (nth 2 first))))
    (when last (setq font-lock-end (max end (nth 1 last))))
    (not (and (= beg font-lock-beg) (= end font-lock-end)))))

;;; Highlighting

(defun scitq--shell-faces (text)
  "Faces of TEXT as shell: a list of (FROM TO FACE), counted from 0."
  (with-current-buffer (get-buffer-create " *scitq shell*")
    (unless (derived-mode-p 'sh-mode)
      (let ((inhibit-message t))
        (delay-mode-hooks (sh-mode)
                          (sh-set-shell "bash" t nil))))
    (let ((inhibit-modification-hooks nil) (at 1) faces)
      (erase-buffer)
      (insert text)
      (font-lock-ensure)
      (while (< at (point-max))
        (let ((face (get-text-property at 'face))
              (to (next-single-property-change at 'face nil (point-max))))
          (when face
            (push (list (1- at) (1- to) face) faces))
          (setq at to)))
      faces)))

(defun scitq--paint-text (limit)
  "Paint the next text of `run' before LIMIT as shell; a matcher of font-lock."
  (let ((text (scitq--run-text limit)))
    (when text
      (let ((start (nth 0 text)) (end (nth 1 text)))
        (remove-text-properties start end '(face nil))
        (dolist (face (scitq--shell-faces (buffer-substring-no-properties start end)))
          (put-text-property (+ start (nth 0 face)) (+ start (nth 1 face)) 'face (nth 2 face)))
        (set-match-data (list start start))
        t))))

(defun scitq--words (words)
  "Regexp of any of WORDS, whole."
  (regexp-opt words 'words))

(defconst scitq-font-lock-keywords
  `((,(concat (regexp-opt scitq-words-settings 'words) "[ \t]*[={]") 1 'font-lock-variable-name-face)
    (,(concat (scitq--words (append scitq-words-sources scitq-words-functions)) "[ \t]*(")
     1 'font-lock-function-name-face)
    (,(concat "|>[ \t]*" (scitq--words scitq-words-actions)) 1 'font-lock-function-name-face)
    (,(scitq--words scitq-words-reserved) . 'font-lock-keyword-face)
    (,(scitq--words scitq-words-contextual) . 'font-lock-keyword-face)
    (,(scitq--words scitq-words-types) . 'font-lock-type-face)
    ("\\<[0-9][0-9.]*\\(?:[a-zA-Z][a-zA-Z0-9]*\\|%\\)?" . 'font-lock-constant-face)
    ("\\$\\(?:[A-Za-z_][A-Za-z0-9_]*\\|{[^}\n]*}\\)" 0 'font-lock-variable-name-face prepend)
    (scitq--paint-text (0 nil)))
  "Highlighting of `scitq-mode'.")

;;; Indentation

(defun scitq--depth ()
  "Levels of brackets around the line, less the one that it begins by closing."
  (save-excursion
    (back-to-indentation)
    (let ((depth (car (syntax-ppss))))
      (cond ((looking-at "[])}]") (1- depth))
            ;; The list goes on: [ VALUE, and below it, deeper, for NAME in LIST ].
            ((looking-at "for\\>") (1+ depth))
            (t depth)))))

(defun scitq-indent-line ()
  "Indent the line by the braces around it.
The text of `run' is left as it is written; a new line of it begins as
the one before."
  (interactive)
  (let ((text (scitq--text-around (line-beginning-position))))
    (if (and text (<= (nth 0 text) (line-beginning-position)))
        (if (looking-back "^[ \t]*" (line-beginning-position))
            (when (looking-at "[ \t]*$")
              (indent-line-to (save-excursion (forward-line -1) (current-indentation))))
          'noindent)
      (let ((column (* scitq-indent-offset (max 0 (scitq--depth)))))
        (if (> (current-column) (current-indentation))
            (save-excursion (indent-line-to column))
          (indent-line-to column))))))

;;;###autoload
(define-derived-mode scitq-mode prog-mode "scitq"
  "Major mode for scitq workflows."
  (setq-local comment-start "# ")
  (setq-local comment-start-skip "#+[ \t]*")
  (setq-local indent-tabs-mode nil)
  (setq-local indent-line-function #'scitq-indent-line)
  (setq-local syntax-propertize-function #'scitq--propertize)
  (setq-local font-lock-defaults '(scitq-font-lock-keywords))
  (setq-local font-lock-multiline t)
  (add-hook 'font-lock-extend-region-functions #'scitq--extend-region nil t)
  (setq-local imenu-generic-expression
              '((nil "^[ \t]*step[ \t]+\\([A-Za-z_][A-Za-z0-9_]*\\)" 1)
                ("params" "^param[ \t]+\\([A-Za-z_][A-Za-z0-9_]*\\)" 1))))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.scitq\\'" . scitq-mode))

(with-eval-after-load 'eglot
  (defvar eglot-server-programs)
  (add-to-list 'eglot-server-programs '(scitq-mode . ("scitq-lsp"))))

(provide 'scitq-mode)
;;; scitq-mode.el ends here
