// The official TypeScript SDK as a client of the MCP server, driven by assistants.py: it finds out by itself where tokens are
// given out, tells the address that a person has to open, reads the code that this ends at, and then each call that is
// to be made, a line each; it answers a line each.
import { createInterface } from "node:readline";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [address, callback] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const kept = {};
const provider = {
    redirectUrl: callback,
    clientMetadata: { client_name: "TypeScript SDK", redirect_uris: [callback], token_endpoint_auth_method: "none" },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => { kept.client = client; },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => { kept.tokens = tokens; },
    saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
    codeVerifier: () => kept.verifier,
    redirectToAuthorization: (url) => tell({ open: url.href }),
};

const transport = () => new StreamableHTTPClientTransport(new URL(address), { authProvider: provider });
const client = () => new Client({ name: "reference", version: "1" });
const first = transport();
try {
    await client().connect(first);
    throw new Error("nobody was asked");
} catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
}
await first.finishAuth((await lines.next()).value);
const connected = client();
await connected.connect(transport());
tell({ server: connected.getServerVersion(), version: connected.transport.protocolVersion, token: kept.tokens.access_token });
for await (const line of lines) {
    const { method, name, arguments: given } = JSON.parse(line);
    try {
        // the SDK holds what a tool answers against its output schema, once it knows it
        tell(method === "list" ? await connected.listTools() : await connected.callTool({ name, arguments: given }));
    } catch (error) {
        tell({ thrown: error.constructor.name, token: kept.tokens?.access_token });
    }
}
