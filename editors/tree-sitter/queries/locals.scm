; Names of a block are seen in it alone, those of steps in the whole file.

(source_file) @local.scope
(block) @local.scope
(foreach) @local.scope
(comprehension) @local.scope
(step) @local.scope

(import name: (identifier) @local.definition)
(param name: (identifier) @local.definition)
(let name: (identifier) @local.definition)
(recruiter name: (identifier) @local.definition)
(loop name: (identifier) @local.definition)
(comprehension name: (identifier) @local.definition)
(parameters (identifier) @local.definition)

(identifier) @local.reference
