// Drives `banger mcp` with the protocol's own TypeScript SDK; TAP on stdout.
//   client.mjs ENGINE -- COMMAND…      COMMAND starts the server; ENGINE runs real guests
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "build/mcp-client/package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/client/stdio.js");
const types = await load("@modelcontextprotocol/sdk/types.js");

const [engine, , ...command] = process.argv.slice(2);
let count = 0;
let failed = 0;

function ok(name, good, detail) {
  count += 1;
  if (!good) failed += 1;
  console.log(`${good ? "ok" : "not ok"} ${count} - ${name}`);
  if (!good && detail !== undefined) console.log(`# ${JSON.stringify(detail)}`);
}

async function connect(words = []) {
  const client = new Client({ name: "banger-test", version: "1" });
  const [program, ...args] = [...command, ...words];
  await client.connect(new StdioClientTransport({ command: program, args }));
  return client;
}

async function refused(promise) {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

const call = (client, name, args = {}, options = {}) =>
  client.callTool({ name, arguments: args }, undefined, { timeout: 600000, ...options });

const client = await connect();
ok("it says who it is", client.getServerVersion().name === "banger", client.getServerVersion());
await client.ping();
const { tools } = await client.listTools();
const names = tools.map((tool) => tool.name);
ok("verbs are tools", ["vm_create", "vm_exec", "vm_delete", "image_list"].every((name) => names.includes(name)), names);
ok("root's verbs, scripts and terminals are none", !["system_install", "run", "vm_ssh", "daemon_stop"].some((name) => names.includes(name)), names);
ok("reading is marked", tools.find((tool) => tool.name === "vm_list").annotations.readOnlyHint === true);
ok("destroying is marked", tools.find((tool) => tool.name === "vm_delete").annotations.destructiveHint === true);

// The client checks each structured answer against the tool's outputSchema.
let answer = await call(client, "vm_list");
ok("an empty list is a list", Array.isArray(answer.structuredContent.vms) && answer.structuredContent.vms.length === 0, answer);
answer = await call(client, "vm_show", { name: "nobody" });
ok("a failure is an answer with code and remedy",
  answer.isError && answer.structuredContent.error.code === "vm.not_found" && answer.structuredContent.error.remedy, answer);
answer = await call(client, "vm_create", { name: "dev", imgae: "x" });
ok("an unknown argument names the nearest", answer.structuredContent.error.remedy === "did you mean image?", answer);
answer = await call(client, "vm_create", { name: "--force" });
ok("an argument is no flag", answer.structuredContent.error.code === "usage.invalid", answer);
answer = await call(client, "vm_create", { name: "dev", cpus: "many" });
ok("a wrong number is refused", answer.structuredContent.error.message.startsWith("--cpus:"), answer);
answer = await call(client, "vm_create", { name: ["a", "b"] });
ok("a list where one is wanted is refused", answer.structuredContent.error.code === "usage.invalid", answer);
let error = await refused(call(client, "vm_crate"));
ok("an unknown tool names the nearest", /vm_create/.test(error?.message), error?.message);
error = await refused(client.request({ method: "tools/destroy" }, types.EmptyResultSchema));
ok("an unknown method", error?.code === -32601, error);

const updated = [];
client.setNotificationHandler(types.ResourceUpdatedNotificationSchema, (note) => updated.push(note.params.uri));
await client.subscribeResource({ uri: "banger://events" });

const steps = [];
answer = await call(client, "vm_create", { name: "agent", engine, memory: "256M" }, { onprogress: (step) => steps.push(step) });
ok("a VM is made", answer.structuredContent.vm?.state === "running", answer);
ok("progress grows, with words", steps.length > 2 && steps.every((step, i) => step.progress === i + 1 && step.message), steps);
ok("events were told of", updated.length > 0 && updated.every((uri) => uri === "banger://events"), updated);
answer = await call(client, "vm_exec", { name: "agent", command: ["sh", "-c", "echo out; echo err >&2; exit 3"] });
const exec = answer.structuredContent.exec;
ok("a command's output and status", exec.code === 3 && exec.stdout === "out\n" && exec.stderr === "err\n" && !answer.isError, answer);
const two = await Promise.all([
  call(client, "vm_exec", { name: "agent", command: ["echo", "one"] }),
  call(client, "vm_exec", { name: "agent", command: ["echo", "two"] }),
]);
ok("two at once", two.map((one) => one.structuredContent.exec.stdout).join("") === "one\ntwo\n", two);

const { resources } = await client.listResources();
const uris = resources.map((resource) => resource.uri);
ok("logs and events are resources", uris.includes("banger://events") && uris.includes("banger://vm/agent/console"), uris);
const log = await client.readResource({ uri: "banger://vm/agent/console" });
ok("a console can be read", log.contents[0].text.length > 0, log);
const events = await client.readResource({ uri: "banger://events" });
const lines = events.contents[0].text.trim().split("\n").map((line) => JSON.parse(line));
ok("events are objects", lines.some((event) => event.type === "vm.state" && event.vm === "agent"), lines);
error = await refused(client.readResource({ uri: "banger://vm/nobody/console" }));
ok("a resource that is not there", error?.code === -32002, error);
const templates = await client.listResourceTemplates();
ok("templates", templates.resourceTemplates.length === 2, templates);

// The client's own abort sends notifications/cancelled; the daemon undoes what it had begun.
const abort = new AbortController();
const gone = refused(call(client, "vm_create", { name: "halfway", engine }, {
  signal: abort.signal, onprogress: () => abort.abort("enough"),
}));
ok("a call can be cancelled", (await gone) !== undefined);
await call(client, "vm_wait", { name: "halfway", for: "stopped", timeout: "60s" });
answer = await call(client, "vm_list");
ok("what was cancelled leaves nothing", answer.structuredContent.vms.every((vm) => vm.name === "agent"), answer);
answer = await call(client, "vm_delete", { names: ["agent"] });
ok("an argument's name is the table's", answer.isError && answer.structuredContent.error.remedy === "did you mean name?", answer);
answer = await call(client, "vm_delete", { name: ["agent"], force: true });
ok("it is deleted", answer.structuredContent.vms?.[0].name === "agent", answer);
await client.close();

const reader = await connect(["--read-only"]);
const readable = (await reader.listTools()).tools;
ok("read-only offers nothing that changes", readable.length > 5 && readable.every((tool) => tool.annotations.readOnlyHint), readable.map((t) => t.name));
error = await refused(call(reader, "vm_create", { name: "dev" }));
ok("and calls nothing that changes", error?.code === -32602, error);
await reader.close();

const few = await connect(["--allow", "vm_list,vm_run"]);
ok("only what is allowed", (await few.listTools()).tools.map((tool) => tool.name).join() === "vm_list,vm_run");
await few.close();

console.log(`1..${count}`);
process.exit(failed === 0 ? 0 : 1);
