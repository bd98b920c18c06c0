// The collections in Postman's own runner: what lists of each API say to a caller that it knows:
//   requests.mjs READY
// `checks/clients` starts the server that READY tells of.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deepEqual, ok } from "node:assert/strict";
import newman from "newman";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../openapi");
const ready = JSON.parse(readFileSync(process.argv[2], "utf8"));
const origin = url => url.slice(0, url.lastIndexOf("/"));

const signedIn = await fetch(`${ready.openscouter}/auth/sign-in`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(ready.demo.openscouter.business),
});
const secrets = {
    outset: { apiKey: ready.demo.outset_key },
    outsend: { apiKey: ready.demo.outsend_key },
    openscouter: { bearerToken: (await signedIn.json()).data.accessToken },
};

const requests = item => item.item ? item.item.flatMap(requests) : [item];
const run = options => new Promise((resolve, reject) => newman.run(options, (error, summary) => error ? reject(error) : resolve(summary)));
// of those that have a list and ask for nothing but a caller
const LISTS = {
    outset: ["/v1/studies/"],
    outsend: ["/api/auth/me", "/api/jobs", "/api/pipelines", "/api/veille", "/api/webhooks", "/api/events", "/api/feedback", "/api/modules-registry"],
    openscouter: ["/api/auth/me", "/api/jobs", "/api/tokens", "/api/proposals"],
};

for (const [api, secret] of Object.entries(secrets)) {
    const collection = JSON.parse(readFileSync(join(folder, `postman/${api}.json`), "utf8"));
    const path = ({ request }) => "/" + request.url.path.join("/");
    const item = collection.item.flatMap(requests).filter(each => each.request.method === "GET" && LISTS[api].includes(path(each)));
    deepEqual(item.map(path).sort(), [...LISTS[api]].sort());
    const values = Object.entries({ baseUrl: origin(ready[api]), ...secret }).map(([key, value]) => ({ key, value }));
    const summary = await run({ collection: { ...collection, item }, environment: { values }, reporters: [] });
    const told = summary.run.executions.map(({ item, response }) => [item.name, response?.code]);
    ok(told.every(([, code]) => code === 200), JSON.stringify(told));
    deepEqual(summary.run.failures.map(String), []);
}
console.log("Postman's runner sends requests of each collection, and all are answered");
