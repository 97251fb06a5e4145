// scopes.js PACKAGES GRAMMAR FILE: a JSON array per line of FILE, of [text, scope, scope...] for each token.
const fs = require("fs");
const path = require("path");
const [packages, grammar, file] = process.argv.slice(2);
const load = (name) => require(path.join(packages, "node_modules", name));
const { Registry, INITIAL, parseRawGrammar } = load("vscode-textmate");
const { loadWASM, OnigScanner, OnigString } = load("vscode-oniguruma");

const wasm = fs.readFileSync(path.join(packages, "node_modules", "vscode-oniguruma", "release", "onig.wasm"));
const shell = '{"scopeName": "source.shell", "patterns": [{"name": "support.function.builtin.shell", "match": "\\\\becho\\\\b"}]}';
const registry = new Registry({
  onigLib: loadWASM(wasm).then(() => ({
    createOnigScanner: (patterns) => new OnigScanner(patterns),
    createOnigString: (text) => new OnigString(text),
  })),
  // The shell's own grammar comes with the editor; rules that include what is not there would be left out.
  loadGrammar: async (scope) => parseRawGrammar(scope === "source.scitq" ? fs.readFileSync(grammar, "utf8") : shell, "f.json"),
});

registry.loadGrammar("source.scitq").then((loaded) => {
  let stack = INITIAL;
  for (const line of fs.readFileSync(file, "utf8").split("\n")) {
    const done = loaded.tokenizeLine(line, stack);
    stack = done.ruleStack;
    console.log(JSON.stringify(done.tokens.map((t) => [line.slice(t.startIndex, t.endIndex), ...t.scopes])));
  }
});
