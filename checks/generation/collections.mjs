// A Postman collection of each document, which Bruno, Insomnia and Hoppscotch import, too:
//   collections.mjs [--check]
// writes openapi/postman/<api>.json, or says which differ from their documents.

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import converter from "openapi-to-postmanv2";
import { sample } from "openapi-sampler";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../openapi");
const options = {
    folderStrategy: "Tags",
    requestNameSource: "Fallback",
    parametersResolution: "Example",
    // an answer of each kind is in the document
    includeResponses: false,
    enableOptionalParameters: false,
    keepImplicitHeaders: true,
};

const convert = document => new Promise((resolve, reject) => {
    converter.convertV2({ type: "json", data: document }, options, (error, made) => {
        if (error || !made.result) reject(error ?? new Error(made.reason));
        else resolve(made.output[0].data);
    });
});

// how each API knows its callers; a request that needs nobody says so itself
const callers = {
    outset: { type: "apikey", apikey: pairs({ key: "Authorization", value: "Api-Key {{apiKey}}", in: "header" }) },
    outsend: { type: "apikey", apikey: pairs({ key: "X-API-Key", value: "{{apiKey}}", in: "header" }) },
    openscouter: { type: "bearer", bearer: pairs({ token: "{{bearerToken}}" }) },
};

function pairs(members) {
    return Object.entries(members).map(([key, value]) => ({ key, value, type: "string" }));
}

// without what is drawn by lot and would differ each time, and with what each request has in common said once
function settled(value) {
    if (Array.isArray(value)) return value.map(settled);
    if (value === null || typeof value !== "object") return value;
    const kept = Object.entries(value).filter(([name, member]) =>
        !["_postman_id", "response", "event", "protocolProfileBehavior"].includes(name) && !(name === "id" && typeof member === "string")
        && !(name === "auth" && member?.type !== "noauth"));
    return Object.fromEntries(kept.map(([name, member]) => [name, settled(member)]));
}

// values are the document's own, or the least that its schemas take: the converter makes some up, others each time
function valued(item, document) {
    if (item.item) return item.item.forEach(each => valued(each, document));
    const { method, url, header, body } = item.request;
    const path = "/" + url.path.map(segment => segment.replace(/^:(.*)/, "{$1}")).join("/");
    const operation = Object.entries(document.paths).find(([known]) => known.replace(/(.)\/$/, "$1") === path.replace(/(.)\/$/, "$1"))[1][method.toLowerCase()];
    const parameters = operation.parameters ?? [];
    const own = header.filter(({ key }) => parameters.some(parameter => parameter.in === "header" && parameter.name === key));
    for (const parameter of [...(url.query ?? []), ...(url.variable ?? []), ...own]) {
        const { example, schema } = parameters.find(({ name }) => name === parameter.key) ?? {};
        parameter.value = String(example ?? schema?.example ?? schema?.default ?? "");
    }
    const [[media, { schema, example }] = [, {}]] = Object.entries(operation.requestBody?.content ?? {});
    if (!media) return;
    const members = example ?? sample(schema, { skipNonRequired: true, quiet: true }, document);
    if (body.mode === "raw") body.raw = JSON.stringify(members, null, 2);
    if (body.mode === "urlencoded") body.urlencoded = Object.entries(members).map(([key, value]) => ({ key, value: String(value) }));
}

const check = process.argv.includes("--check");
for (const api of ["outset", "outsend", "openscouter"]) {
    const document = JSON.parse(readFileSync(join(folder, `${api}.json`), "utf8"));
    const { info, item, variable } = settled(await convert(document));
    item.forEach(each => valued(each, document));
    const known = variable.filter(({ key }) => key === "baseUrl");
    const secret = api === "openscouter" ? "bearerToken" : "apiKey";
    const made = { info, auth: callers[api], variable: [...known, { key: secret, value: "" }], item };
    const text = JSON.stringify(made, null, 1) + "\n";
    const file = join(folder, `postman/${api}.json`);
    if (!check) writeFileSync(file, text);
    else if (readFileSync(file, "utf8") !== text) {
        console.error(`${file} is not what its document makes: node checks/generation/collections.mjs`);
        process.exitCode = 1;
    }
}
