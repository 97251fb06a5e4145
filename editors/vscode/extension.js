// The client of scitq-lsp; what it can do the two tell each other.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const command = vscode.workspace.getConfiguration("scitq").get("server.path");
  client = new LanguageClient("scitq", "scitq", { command, args: ["--stdio"] },
    { documentSelector: [{ language: "scitq" }] });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    vscode.window.showErrorMessage(
      `scitq: ${command} did not start: ${error.message}. Highlighting works without it; the setting scitq.server.path says where it is.`);
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running)
    await running.stop();
}

exports.activate = async (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand("scitq.restart", async () => { await stop(); await start(); }));
  await start();
};
exports.deactivate = stop;
