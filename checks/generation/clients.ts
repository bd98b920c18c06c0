// What people who write TypeScript get: clients of two generators list, create and meet an error at a running server.
// `checks/clients` copies this file beside what was generated: clients.js READY

import { readFileSync } from "node:fs";
import { deepEqual, equal, fail, ok } from "node:assert/strict";
import createClient from "openapi-fetch";

import { AuthApi, Configuration, JobsApi, ResponseError } from "./fetch/openscouter";
import type { paths as Outsend } from "./types/outsend";
import type { paths as Outset } from "./types/outset";

// the documents' paths begin with what a base URL ends with
const origin = (url: string) => url.slice(0, url.lastIndexOf("/"));

// OpenScouter, with the client of openapi-generator
async function withOpenapiGenerator(ready: any) {
    const basePath = origin(ready.openscouter);
    const signIn = new AuthApi(new Configuration({ basePath }));
    const session = await signIn.authSignIn({ authSignInRequest: ready.demo.openscouter.business });
    const jobs = new JobsApi(new Configuration({ basePath, accessToken: session.data.accessToken }));
    const made = await jobs.jobsCreate({
        jobsCreateRequest: {
            title: "Generated", description: "From a generated client.", prototypeUrl: "https://example.com/",
            prototypeType: "url", tasks: [{ title: "Pay", description: "Buy any item." }],
            targeting: { countries: new Set(["FR"]), testerCount: 1 },
        },
    });
    equal(made.data.status, "draft");
    const listed = await jobs.jobsList();
    ok(listed.data.some(study => study.jobId === made.data.jobId));
    try {
        await jobs.jobsGet({ id: made.data.jobId.slice(0, -26) + "0".repeat(26) });
        fail("a study that is not there was found");
    } catch (error) {
        ok(error instanceof ResponseError, String(error));
        equal(error.response.status, 404);
    }
}

// Outsend and Outset, with the types of openapi-typescript
async function withOpenapiTypescript(ready: any) {
    const outsend = createClient<Outsend>({ baseUrl: origin(ready.outsend), headers: { "X-API-Key": ready.demo.outsend_key } });
    const created = await outsend.POST("/api/jobs/{job}", {
        params: { path: { job: "verify-emails" } },
        body: { items: [{ email: "grace@gmial.com" }] },
    });
    equal(created.data?.status, "pending");
    const listed = await outsend.GET("/api/jobs", { params: { query: { limit: 5 } } });
    ok(listed.data?.some(job => job.id === created.data?.id));
    const refused = await outsend.POST("/api/jobs/{job}", { params: { path: { job: "verify-emails" } }, body: { items: [] } });
    equal(refused.response.status, 422);
    equal(refused.error?.detail, "Validation failed.");

    const headers = { Authorization: `Api-Key ${ready.demo.outset_key}` };
    const outset = createClient<Outset>({ baseUrl: origin(ready.outset), headers });
    const studies = await outset.GET("/v1/studies/", { params: { query: { page_size: 100 } } });
    ok(studies.data?.results.some(study => study.name === "Checkout on a phone"));
    const missing = await outset.GET("/v1/studies/{id}/", { params: { path: { id: "00000000-0000-4000-8000-000000000000" } } });
    deepEqual(missing.error?.errors.map(error => error.code), ["not_found"]);
}

async function main() {
    const ready = JSON.parse(readFileSync(process.argv[2], "utf8"));
    await withOpenapiGenerator(ready);
    await withOpenapiTypescript(ready);
    console.log("clients of typescript-fetch and openapi-typescript list, create and meet an error");
}

main().catch(error => {
    console.error(error);
    process.exit(1);
});
