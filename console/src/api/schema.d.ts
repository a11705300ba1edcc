// Generated from /openapi.json by `npm run types`. Do not edit.

export interface paths {
    "/api/v1/apply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Bring tenants to what a manifest says
         * @description The body is a manifest in YAML or JSON. It is applied whole or refused whole, with the line of each fault; applying it again changes nothing. An operator's token may bring any tenant; an admin's token only its own.
         *
         *     Roles: operator, admin.
         */
        post: operations["applyManifest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Control changes, newest first: who, when, from where, before and after
         * @description Changes of definitions, resources and holds, and corrections of events. What rows hold of passwords, keys and tokens is shown as …. A page may hold fewer rows than its limit and yet have a next one.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A copy of the whole store as of one moment
         * @description For the embedded store. The answer is a tar archive: manifest.json, which names every file of the store with its SHA-256; files/HASH for each of them that have does not list; and last an empty entry named end, without which it broke off. It holds everything that was acknowledged before the call, for all tenants. The master key, which the secrets in it hang on, is not in it. A server makes one at a time: another call meanwhile is answered 503. usance backup makes this call, and usance restore brings the copy back.
         *
         *     Roles: operator.
         */
        post: operations["backup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/charges": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Record usage if the quotas allow it
         * @description All items are recorded or none. The check of every hard quota from the node to the root, in every window, and the record are one commit. A refusal is 409 of type urn:usance:problem:quota-exceeded and lists in blocks every quota that refuses. The same id again with the same content answers as the first time, with duplicate true; with other content it is a conflict.
         *
         *     Mode enforce is the default; check says what enforce would and records nothing; best_effort records as much of each item as fits and says how much in granted; adjust takes back: its amounts are negative and no quota refuses them.
         *
         *     Roles: operator, admin, member, ingester.
         */
        post: operations["charge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/corrections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Corrections of ranges of events, newest first
         * @description Roles: operator, admin.
         */
        get: operations["listCorrections"];
        put?: never;
        /**
         * Preview the voiding of a range of events
         * @description Nothing is voided yet: the answer says how many events match, what each meter at each node becomes without them, and the sequence at which it looked. The filter has a source, a type or a subject, or both from and to; a token bound to a subtree proposes within it. Events that were voided or amended already are left out and counted. At most 1000000 events are voided by one correction.
         *
         *     Roles: operator, admin.
         */
        post: operations["proposeCorrection"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/corrections/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A correction of a range and how far it is
         * @description Roles: operator, admin.
         */
        get: operations["getCorrection"];
        put?: never;
        post?: never;
        /**
         * Remove a proposal
         * @description One that was approved is a conflict.
         *
         *     Roles: operator, admin.
         */
        delete: operations["discardCorrection"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/corrections/{id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Void the events of a proposal
         * @description It is a conflict when the events that match are not those of the preview any more: then preview again. Events are voided in batches, and a large correction is answered while its state is still applying; the server goes on with it, after a restart too, and done says how far it is. Repeating the call goes on as well, and changes nothing once it is applied. An event that is corrected by itself meanwhile is passed over.
         *
         *     Roles: operator, admin.
         */
        post: operations["approveCorrection"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/corrections/{id}/revert": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Bring back the events of a correction
         * @description Each event counts again just as it did before. Like an approval it may be answered while its state is still reverting. What was not applied is a conflict.
         *
         *     Roles: operator, admin.
         */
        post: operations["revertCorrection"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deleted-tenants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What stays of the tenants that were deleted
         * @description Roles: operator.
         */
        get: operations["listDeletedTenants"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Browse events, newest first
         * @description Roles: operator, admin, member, viewer.
         */
        get: operations["listEvents"];
        put?: never;
        /**
         * Record usage events
         * @description All of a request's events are stored or none. Every known event is counted once: sending it again is a duplicate and no error, while other content under a known source and id is a conflict. 204 means that the events are on disk. Usance-Accepted, Usance-Duplicates and Usance-Sequence say what became of them.
         *
         *     Bodies are CloudEvents 1.0 in structured, batch or binary mode, one event or an array as application/json, or one event a line as application/x-ndjson; Content-Encoding may be gzip or zstd. Events of the types that the tenant's setting enforce.events lists, with commas between, are checked against the quotas as charges are, and a refusal is that of a charge. A request has at most 10000 events of 64 KiB each. An operator's token names the tenant in the tenant parameter or in every event's tenant attribute; one request has events of one tenant.
         *
         *     Roles: operator, admin, member, ingester.
         */
        post: operations["sendEvents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/refused": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events lately refused, with why
         * @description What a sender was told when its events were refused for a fault of theirs, newest first: at most 200 of a tenant, cut to a few words and without data. The process that refused them remembers, in memory: they are gone when it ends, and sooner when others need the room. Requests without a good token or the right to record, and those refused because the server was busy, are not among them.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["listRefusedEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{source}/{id}/amend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change how an event counts
         * @description Members left out, or null, stay as they are. The amended event must be acceptable as a new one is; no quota refuses it, since it says what did happen. An event that was voided, or that is a charge, is a conflict.
         *
         *     Roles: operator, admin.
         */
        post: operations["amendEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{source}/{id}/void": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take an event back: it counts no more
         * @description The event stays in the ledger, and every number is as if it had never come. Its id stays taken. Voiding it again changes nothing. Charges and what holds settled are taken back so too; charges nobody named a source for have the source usance.charges, settlements usance.holds. A source with slashes is written with %2F.
         *
         *     Roles: operator, admin.
         */
        post: operations["voidEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Where the numbers of a façade's answer come from
         * @description For each number of the façade's answer: the value as the façade gives it, the mapping in force and the tenant's override of it, the meter, quota, resources or setting that was read, at which node and for which time, what was read before conversion, and the calls of this API that show it and the events behind it. The parameters of the façade's own call may be given under their names. A tenant overrides fields with the mappings of its manifest. To a token bound to a subtree only numbers read there are told, and none that are made from others.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["explain"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/facades/{facade}/call": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What a vendor's client would be answered
         * @description Has the façade answer one of its reads now, and tells the answer as it is: status, headers and body, a refusal too. It is the façade's own answer to a client of the vendor's with the rights of the token; only the vendor's way to sign in is left out, and its limits of requests, of which none is used up. Nothing is written. The façades and their operations:
         *
         *     - meeting: ShowOrgRes, for administrators alone
         *     - koodrive: GetQuotaUsed, for tokens that see /drive
         *     - zstack: GetOrganizationQuotaUsage (path: uuid), QueryIAM2Organization, QueryIAM2Project, QueryQuota
         *     - cloudrtc: ListRtcHistoryUsage (path: project_id)
         *     - metastudio: CountTenantResources, ListTenantResources (path: project_id)
         *
         *     Roles: operator, admin, member, viewer.
         */
        post: operations["callFacade"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/holds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Holds: open ones in the order in which they expire, others by id
         * @description A page may hold fewer rows than its limit and yet have a next one.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["listHolds"];
        put?: never;
        /**
         * Set room aside on every quota from a node to the root
         * @description What is set aside is reserved in every reading of the quotas until it is settled, released or expires. A refusal is as that of a charge. The same id again with the same content answers the hold as it is now; with other content it is a conflict.
         *
         *     Roles: operator, admin, member, ingester.
         */
        post: operations["reserve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/holds/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One hold
         * @description Roles: operator, admin, member, viewer.
         */
        get: operations["getHold"];
        put?: never;
        post?: never;
        /**
         * Give a hold's room back
         * @description Releasing a hold that is released or expired changes nothing; one that was settled is a conflict.
         *
         *     Roles: operator, admin, member, ingester.
         */
        delete: operations["releaseHold"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/holds/{id}/extend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move an open hold's expiry
         * @description Roles: operator, admin, member, ingester.
         */
        post: operations["extendHold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/holds/{id}/settle": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Record what was really used of a hold, and give back the rest
         * @description Without items all that is still set aside was used. More than was held is taken if the quotas have room for the difference. partial keeps the hold open, and step (1 for the first settlement) makes a repeat of a partial settlement safe.
         *
         *     Roles: operator, admin, member, ingester.
         */
        post: operations["settleHold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Signing keys by kind and id
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        get: operations["listKeys"];
        put?: never;
        /**
         * Create a signing key
         * @description Without a secret in the request one is made, for a new name only, and shown in this answer alone.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/keys/{kind}/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One signing key
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        get: operations["getKey"];
        /**
         * Create or change a signing key
         * @description Without a secret in the request one is made, for a new name only, and shown in this answer alone.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        put: operations["putKey"];
        post?: never;
        /**
         * Remove a signing key
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        delete: operations["deleteKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/login-codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A one-time code with which a user signs in at KooDrive
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        post: operations["createLoginCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/meters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All meters, built-in ones included
         * @description Roles: operator, admin, member, viewer.
         */
        get: operations["listMeters"];
        put?: never;
        /**
         * Define a meter
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        post: operations["createMeter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/meters/{meter}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One meter
         * @description Roles: operator, admin, member, viewer.
         */
        get: operations["getMeter"];
        /**
         * Define or change a meter
         * @description Aggregation and group-by keys of a meter cannot change.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        put: operations["putMeter"];
        post?: never;
        /**
         * Remove a meter that nothing depends on
         * @description A thing that others depend on is not removed: 409, with how many there are of each kind in detail and the first 100 in errors, where field is the kind. On a meter depend its quotas, the mappings that read it, event types that enforce.events names and that feed it, open holds, resources that grant it, and any usage ever recorded.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        delete: operations["deleteMeter"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/meters/{meter}/query": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Usage of a meter over time
         * @description The parameters and the answer are those OpenMeter's clients know. Values are exact whole numbers of the meter's base unit and may pass 2^53. With Accept: text/csv the rows come as comma-separated values with a heading line, without restated_at.
         *
         *     With at_sequence or known_at the answer is what was known then: the entries up to that moment, under the definitions and by the clock of then. It is folded again from the events, so it costs the history it stands on, and more than 10000000 entries of it are refused with 413.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["queryMeter"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Defined nodes in the order of their paths
         * @description Roles: operator, admin, member, viewer.
         */
        get: operations["listNodes"];
        /**
         * Define or change a node
         * @description Roles: operator, admin.
         */
        put: operations["putNode"];
        /**
         * Define a node
         * @description Roles: operator, admin.
         */
        post: operations["createNode"];
        /**
         * Remove a node that nothing depends on
         * @description A thing that others depend on is not removed: 409, with how many there are of each kind in detail and the first 100 in errors, where field is the kind. On a node depend those below it, quotas, resources and open holds at and below it, users and tokens bound to it, and usage recorded there unless its total is nothing.
         *
         *     Roles: operator, admin.
         */
        delete: operations["deleteNode"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes/move": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move a node with all that is below it
         * @description One commit moves everything at and below the node: definitions, quotas, the users and tokens bound to it, resources, open holds, and its usage of all time. The nodes above that it leaves lose that usage, those it comes under gain it. Users bound to the subtree sign in anew. Usage that is sent to the old path later is new usage of that path; what was sent before stays known by its id.
         *
         *     A hard quota above the new place alone that has no room for it, in a window that has not ended, refuses the move: 409 of type urn:usance:problem:quota-exceeded with blocks. So do something at the new place, and a carved node whose limit would be passed: 409. A node that is not there, as after the same move, is 404. A subtree that holds more than one step may move is 413: move what is below it first.
         *
         *     With dry_run nothing is written: the answer has the numbers that the move would have, and in blocks the hard quotas that would refuse it. All else that would refuse the move is answered as the move would be.
         *
         *     Roles: operator, admin.
         */
        post: operations["moveNode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quotas": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Quotas as they stand
         * @description With at_sequence or known_at the answer is what was known then: the entries up to that moment, under the definitions and by the clock of then. It is folded again from the events, so it costs the history it stands on, and more than 10000000 entries of it are refused with 413.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["listQuotas"];
        /**
         * Set a quota
         * @description A token bound to a subtree sets the quotas below its top; the top's own come from above. The limit is the quota's own: what resources grant comes on top while they live.
         *
         *     Roles: operator, admin.
         */
        put: operations["putQuota"];
        post?: never;
        /**
         * Remove a quota
         * @description A thing that others depend on is not removed: 409, with how many there are of each kind in detail and the first 100 in errors, where field is the kind. On the quota of a carved node depend those that were handed out of it.
         *
         *     Roles: operator, admin.
         */
        delete: operations["deleteQuota"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quotas/forecast": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Quotas that will be over their limits, and by which grants' ends
         * @description What is used and reserved now is compared with the limits of then: the base, and the grants of resources that will be alive. lapses are the grants that end by then, begins those that begin. A quota by day or month is looked at in the window that the time lies in. A page may hold fewer rows than its limit and yet have a next one.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["forecastQuotas"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/resources": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Resources in the order of their ids
         * @description Asked for the part of a node, or by a token bound to one, total is not told, and a page that has looked through 100000 resources of the tenant ends there: it may hold fewer rows than its limit, or none, and has next.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["listResources"];
        put?: never;
        /**
         * Create a resource
         * @description Roles: operator, admin.
         */
        post: operations["createResource"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/resources/count": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Count resources
         * @description All of a tenant's are counted without being looked at. Those of a node are looked for among all, or among those that expire in the time asked for: more than 1000000 to look at are refused with 413.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["countResources"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/resources/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One resource
         * @description Roles: operator, admin, member, viewer.
         */
        get: operations["getResource"];
        /**
         * Create or replace a resource
         * @description Roles: operator, admin.
         */
        put: operations["putResource"];
        post?: never;
        /**
         * Remove a resource
         * @description Roles: operator, admin.
         */
        delete: operations["deleteResource"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/resources/{id}/renew": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move a resource's expiry
         * @description Roles: operator, admin.
         */
        post: operations["renewResource"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tenant-summaries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The tenants the token may see, each summed up
         * @description Of each tenant, by id: its tightest quota, how many are over and near their limits, what expires next, and a meter's usage of today beside that of yesterday by the same time, to the minute, in the tenant's zone. The figures of one tenant are of one moment and those that the calls for each of them would give; only of a tenant with more than 1000 quotas the further ones are read after the first. A page may hold fewer rows than its limit and yet have a next one.
         *
         *     Roles: operator, admin, member, viewer.
         */
        get: operations["summarizeTenants"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tenants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The tenants the token may see
         * @description Roles: operator, admin, member, viewer.
         */
        get: operations["listTenants"];
        put?: never;
        /**
         * Create a tenant
         * @description Roles: operator.
         */
        post: operations["createTenant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tenants/{tenant}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One tenant
         * @description Roles: operator, admin, member, viewer. Tokens bound to a subtree may not make this call.
         */
        get: operations["getTenant"];
        /**
         * Create or change a tenant
         * @description Only an operator's token creates one.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        put: operations["putTenant"];
        post?: never;
        /**
         * Delete a tenant and all that it has, for good
         * @description With the answer the tenant is no more: nothing signs in to it, reads it or writes to it, whatever it held, used or owed. Its usage, definitions, credentials and names are removed behind that, in state going, and then it is gone. Nothing brings it back but an export or a backup made before, the export under a store that never had it: no tenant has its id again. The same call again answers the same.
         *
         *     Roles: operator. Tokens bound to a subtree may not make this call.
         */
        delete: operations["deleteTenant"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tenants/{tenant}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A tenant's whole ledger and definitions as one archive
         * @description The archive is streamed: the ledger as it is when the call begins, however long the answer takes. It ends with a trailer; what has none broke off. The header Usance-Passphrase, of at least 12 bytes, has the secrets of the signing keys travel too, sealed under it; without it they stay behind. Password hashes and token digests are definitions and travel; sign-in sessions do not.
         *
         *     Roles: operator. Tokens bound to a subtree may not make this call.
         */
        get: operations["exportTenant"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tenants/{tenant}/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How far a tenant's import is
         * @description Roles: operator. Tokens bound to a subtree may not make this call.
         */
        get: operations["getImport"];
        put?: never;
        /**
         * Bring a tenant in from an archive
         * @description The body is an archive. The tenant must not exist; it appears whole at the end or not at all, with the archive's entries as they are and every number folded from them. What was interrupted is gone on with by importing the same archive again. Names that other tenants have are refused before anything is stored. Usance-Passphrase opens the secrets of the signing keys; lost names the keys that have none here. With Accept: application/x-ndjson the answer has a line a second with stage, done and of once the body has come, and a last line with result, or with problem.
         *
         *     Roles: operator. Tokens bound to a subtree may not make this call.
         */
        post: operations["importTenant"];
        /**
         * Throw away an import that was not finished
         * @description Roles: operator. Tokens bound to a subtree may not make this call.
         */
        delete: operations["discardImport"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Bearer tokens by name
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        get: operations["listTokens"];
        put?: never;
        /**
         * Create a bearer token
         * @description Without a secret in the request one is made, for a new name only, and shown in this answer alone.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One bearer token
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        get: operations["getToken"];
        /**
         * Create or change a bearer token
         * @description Without a secret in the request one is made, for a new name only, and shown in this answer alone.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        put: operations["putToken"];
        post?: never;
        /**
         * Remove a bearer token, which ends its use at once
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        delete: operations["deleteToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Users by name
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        get: operations["listUsers"];
        put?: never;
        /**
         * Create a user
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        post: operations["createUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One user
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        get: operations["getUser"];
        /**
         * Create or change a user
         * @description Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        put: operations["putUser"];
        post?: never;
        /**
         * Remove a user that has no keys, and end its sessions
         * @description A thing that others depend on is not removed: 409, with how many there are of each kind in detail and the first 100 in errors, where field is the kind.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        delete: operations["deleteUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Fold the ledger again and compare every number
         * @description The tenant's whole ledger is folded again from its first entry, its hash chain is checked, and every view is compared with what is stored. fault names the first difference; there should never be one. It takes its time, and a server verifies one tenant at a time: another call meanwhile is answered 503. With Accept: application/x-ndjson the answer begins at once and has a line a second with done and of, in entries, and a last line with result, or with problem.
         *
         *     Roles: operator, admin. Tokens bound to a subtree may not make this call.
         */
        post: operations["verify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A node: / is the root, /drive/dept/rd a node three below it. */
        Path: string;
        /**
         * Format: int64
         * @description A whole number of the meter's base unit.
         */
        Amount: number;
        /**
         * Format: int64
         * @description A whole number of the meter's base unit; null is unlimited.
         */
        Limit: number | null;
        /** @description A whole number of the meter's base unit, or text with a unit: B KB MB GB TB (1000), KiB MiB GiB TiB (1024), s min h d. null and "unlimited" are no limit. */
        LimitText: components["schemas"]["Limit"] | string;
        /** @description What went wrong (RFC 9457). */
        Problem: {
            /** @description Stable; meant for programs. Its last part is one of invalid, not-found, conflict, quota-exceeded, unauthorized, forbidden, too-large, unavailable, locked, internal, method-not-allowed, unsupported-media-type. */
            type: string;
            title: string;
            status: number;
            detail?: string;
            /** @description Leads to the request in the server's log. */
            request_id?: string;
            errors?: components["schemas"]["FieldError"][];
            /** @description How many errors are not listed. */
            errors_omitted?: number;
            /** @description Of type quota-exceeded: every quota that refuses. */
            blocks?: components["schemas"]["Block"][];
        };
        FieldError: {
            /** @description Place in the list sent, from 0; -1 where there is no list. */
            index: number;
            /** @description The member at fault, such as data.bytes. */
            field?: string;
            /** @description Line of the body, from 1, where it has lines. */
            line?: number;
            detail: string;
            /** @description Of a conflict: what is stored. */
            stored?: string;
            /** @description Of a conflict: what was sent. */
            sent?: string;
        };
        /** @description A CloudEvent 1.0. Other extension attributes are let pass and not kept. */
        Event: {
            /** @constant */
            specversion: "1.0";
            /** @description With source, the event's identity for the life of the data. */
            id: string;
            source: string;
            /** @description Says which meters the event feeds. */
            type: string;
            /**
             * Format: date-time
             * @description When it happened; default: when it is received.
             */
            time?: string;
            /** @description Who or what used it. */
            subject?: string;
            /** @description What is charged; default: the root. */
            node?: components["schemas"]["Path"];
            /** @description For operators' tokens: whose event it is. */
            tenant?: string;
            datacontenttype?: string;
            /** Format: uri */
            dataschema?: string;
            /** @description At most 32 levels deep. */
            data?: Record<string, never>;
            /** @description The same object in base64, for senders that cannot do otherwise. */
            data_base64?: string;
        } & {
            [key: string]: string | number | boolean | null;
        };
        EventBatch: components["schemas"]["Event"][];
        Events: components["schemas"]["Event"] | components["schemas"]["EventBatch"];
        StoredEvent: {
            event: components["schemas"]["Event"];
            /** @description Its entry in the tenant's ledger. */
            sequence: number;
            /** Format: date-time */
            recorded: string;
            actor: components["schemas"]["Actor"];
            /** @description It was taken back and counts no more. */
            voided?: boolean;
            /** @description It counts as shown here, not as its sender gave it. */
            amended?: boolean;
            /** @description Of the last correction. */
            reason?: string;
            /** @description The correction of a range that voided it, or brought it back, when that was the last. */
            correction?: string;
        };
        /** @description Who did it. */
        Actor: {
            name: string;
            /** @description Network address. */
            origin?: string;
        };
        StoredEventList: {
            items: components["schemas"]["StoredEvent"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
        };
        Source: {
            type: string;
            /** @description A whole number, or a path such as data.bytes, with a minus to negate it. */
            amount?: string;
        };
        Meter: {
            name: string;
            unit: string;
            /** @enum {string} */
            aggregation: "count" | "sum" | "min" | "max" | "average" | "level" | "gauge" | "unique";
            /** @description None: fed by name only, through usance.level and usance.gauge. */
            events?: components["schemas"]["Source"][];
            /** @description Group-by key to a path into the event. */
            group_by?: {
                [key: string]: string;
            };
            built_in?: boolean;
        };
        PutMeter: {
            name?: string;
            unit: string;
            /** @enum {string} */
            aggregation: "count" | "sum" | "min" | "max" | "average" | "level" | "gauge" | "unique";
            /** @description None: fed by name only, through usance.level and usance.gauge. */
            events?: components["schemas"]["Source"][];
            /** @description Group-by key to a path into the event. */
            group_by?: {
                [key: string]: string;
            };
            built_in?: boolean;
        };
        MeterList: {
            items: components["schemas"]["Meter"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
            /** @description Rows of all pages. */
            total?: number;
        };
        Usage: {
            meter: string;
            /** Format: date-time */
            from?: string;
            /** Format: date-time */
            to?: string;
            /** @enum {string} */
            windowSize?: "MINUTE" | "HOUR" | "DAY" | "MONTH";
            data: components["schemas"]["UsageRow"][];
        };
        UsageRow: {
            /** @description Exact; may pass 2^53, and for sums 2^63. */
            value: number;
            /** Format: date-time */
            windowStart: string;
            /** Format: date-time */
            windowEnd: string;
            /** @description null unless grouped by subject. */
            subject: string | null;
            groupBy: {
                [key: string]: string;
            };
            /**
             * Format: date-time
             * @description When an event that the window's number stands on was last corrected after the window was over; absent when none was. Answers by subject, by minute, and of an earlier moment carry none.
             */
            restated_at?: string;
        };
        Quota: {
            node: components["schemas"]["Path"];
            meter: string;
            /** @description In force now: the base and what grants add; null: unlimited. */
            limit: components["schemas"]["Limit"];
            /** @description The quota's own limit; null: unlimited. */
            base: components["schemas"]["Limit"];
            /** @description The grants alive now, the soonest to expire first; absent when there are none. */
            grants?: components["schemas"]["QuotaGrant"][];
            /** @description How many grants are alive; grants lists at most 100. */
            grant_count?: number;
            /**
             * Format: int64
             * @description So much of the nearest quota above is kept for this one.
             */
            guarantee?: number;
            used: components["schemas"]["Amount"];
            reserved: components["schemas"]["Amount"];
            /** @description The sum of the limits, without grants, handed out to the nearest quotas below; null when one of them is unlimited. */
            allocated: components["schemas"]["Limit"];
            /** @description The least of what every hard quota up to the root leaves; null for no bound. */
            available: components["schemas"]["Limit"];
            /**
             * Format: int64
             * @description By how much used and reserved pass the limit; absent when they do not.
             */
            over?: number;
            /** @enum {string} */
            window: "lifetime" | "day" | "month";
            /** @enum {string} */
            enforce: "hard" | "soft" | "shadow";
            /**
             * Format: date-time
             * @description When the window ends; null for lifetime.
             */
            resets_at: string | null;
        };
        QuotaGrant: {
            /** @description The id of the resource that grants it. */
            resource: string;
            /** Format: int64 */
            amount: number;
            /**
             * Format: date-time
             * @description null: it always was.
             */
            starts: string | null;
            /**
             * Format: date-time
             * @description null: never.
             */
            expires: string | null;
        };
        QuotaForecast: {
            node: components["schemas"]["Path"];
            meter: string;
            /** @description In force now. */
            limit: components["schemas"]["Limit"];
            /** @description In force at the time asked about. */
            limit_then: components["schemas"]["Limit"];
            base: components["schemas"]["Limit"];
            /** @description What is known now of the window that the time lies in. */
            used: components["schemas"]["Amount"];
            /** @description Open holds, whenever they end. */
            reserved: components["schemas"]["Amount"];
            /** @description By how much used and reserved pass limit_then. */
            short_by: components["schemas"]["Amount"];
            /** @enum {string} */
            window: "lifetime" | "day" | "month";
            /** @enum {string} */
            enforce: "hard" | "soft" | "shadow";
            /** @description Grants that are alive now and not then, the soonest to expire first. */
            lapses: components["schemas"]["QuotaGrant"][];
            lapse_count: number;
            /** @description Grants that are alive then and not now. */
            begins: components["schemas"]["QuotaGrant"][];
            begin_count: number;
        };
        QuotaForecastList: {
            items: components["schemas"]["QuotaForecast"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
        };
        Grant: {
            meter: string;
            /** Format: int64 */
            amount: number;
            /** @description At or below the resource's node, which is the default. */
            node?: components["schemas"]["Path"];
        };
        QuotaList: {
            items: components["schemas"]["Quota"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
            /** @description Rows of all pages. */
            total?: number;
        };
        /** @description A quota as GET gives it may be sent back: what the server works out itself is let pass, and where base stands beside limit, base is the limit that is set. */
        PutQuota: {
            node: components["schemas"]["Path"];
            meter: string;
            limit: components["schemas"]["LimitText"];
            base?: components["schemas"]["LimitText"];
            /** @description So much of the nearest quota above, which must be of the same window, is kept for this one; default: nothing. The guarantees below a quota fit its own limit. */
            guarantee?: components["schemas"]["Quantity"];
            /**
             * @default lifetime
             * @enum {string}
             */
            window: "lifetime" | "day" | "month";
            /**
             * @default hard
             * @enum {string}
             */
            enforce: "hard" | "soft" | "shadow";
            used?: number;
            reserved?: number;
            allocated?: number | null;
            available?: number | null;
            grants?: unknown[];
            grant_count?: number;
            over?: number;
            resets_at?: string | null;
        };
        Void: {
            reason?: string;
        };
        /** @description Which events: it has a source, a type or a subject, or both from and to. */
        RangeFilter: {
            source?: string;
            type?: string;
            /** @description The empty text: events without a subject. */
            subject?: string;
            /** @description At and below this node. Default: all the token may see. */
            node?: string;
            /**
             * Format: date-time
             * @description Events at or after this time.
             */
            from?: string;
            /**
             * Format: date-time
             * @description Events before this time.
             */
            to?: string;
        };
        ProposeCorrection: {
            filter: components["schemas"]["RangeFilter"];
            reason?: string;
        };
        CorrectionAct: {
            by: components["schemas"]["Actor"];
            /** Format: date-time */
            at: string;
        };
        CorrectionChange: {
            meter: string;
            node: string;
            /** @description That go. */
            events: number;
            /** @description The meter's number over the filter's time, at and below the node; of a level, by how much it changes there. null for a gauge, for which it is not worked out beforehand. */
            before: number | null;
            /** @description The same without the events. */
            after: number | null;
        };
        /** @description The voiding of a range of events, proposed or done. */
        Correction: {
            id: string;
            /** @enum {string} */
            state: "proposed" | "applying" | "applied" | "reverting" | "reverted";
            filter: components["schemas"]["RangeFilter"];
            reason?: string;
            /** @description What the preview was taken at, or once it is approved, what the set of events is fixed by. */
            sequence: number;
            /** @description That it voids. */
            events: number;
            /** @description Events that match and stay as they are, since they were voided or amended already. */
            left_out: {
                voided: number;
                amended: number;
            };
            /** @description Voided, or when reverting brought back, so far. */
            done: number;
            /** @description Left as they were, since they were corrected after the approval. */
            passed: number;
            /** @description What each meter at each node changes by, as previewed. */
            changes: components["schemas"]["CorrectionChange"][];
            /** @description At least so many rows of changes are too many to be kept. */
            changes_omitted?: number;
            proposed: components["schemas"]["CorrectionAct"];
            approved?: components["schemas"]["CorrectionAct"];
            reverted?: components["schemas"]["CorrectionAct"];
        };
        CorrectionList: {
            items: components["schemas"]["Correction"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
        };
        /** @description What to change; what is left out stays. */
        Amend: {
            reason?: string;
            type?: string | null;
            /** @description The empty text takes it away. */
            subject?: string | null;
            node?: string | null;
            /** Format: date-time */
            time?: string | null;
            /** @description In place of all that was there. */
            data?: Record<string, never> | null;
        };
        Verification: {
            tenant: string;
            /** @description Up to which the ledger was folded. */
            sequence: number;
            events: number;
            /** @description Of the views, compared. */
            rows: number;
            /** @description The first difference; empty when there is none. */
            fault: string;
        };
        /** @description Where a field is read from. As a tenant's override it says what differs from the façade's default. */
        MappingSource: {
            /** @enum {string} */
            kind?: "meter" | "quota" | "resources" | "setting" | "derived";
            meter?: string;
            /** @description Below the node that the call is about. */
            node?: components["schemas"]["Path"];
            /** @enum {string} */
            window?: "now" | "today" | "month" | "lifetime" | "utc-days";
            /** @description Of a quota: limit, base (without grants), used, reserved, allocated, available. Of resources: count, amount, frozen, label. */
            value?: string;
            /** @description Group-by keys and their values; one that begins with $ is the parameter of that name of the call. */
            filter?: {
                [key: string]: string;
            };
            setting?: string;
            label?: string;
            /**
             * Format: int64
             * @description Base units in one of the field's; absent: what the units say.
             */
            divide?: number;
            /** @enum {string} */
            round?: "down" | "up" | "nearest";
            /** @description Derived: the fields it is made from. */
            of?: string[];
            /** @description Derived: how. */
            rule?: string;
        };
        FacadeCall: {
            /** @description The vendor's name of the call. */
            operation: string;
            /** @description The variables of its path. */
            path?: {
                [key: string]: string;
            };
            /** @description Its query parameters, each once or more often. The façade judges them. */
            query?: {
                [key: string]: string[];
            };
        };
        FacadeAnswer: {
            /** @enum {string} */
            method: "GET";
            /** @description Path and query, as sent. */
            target: string;
            status: number;
            headers: {
                [key: string]: string;
            };
            /** @description Byte for byte. */
            body?: string;
            /** @description In its place when it is no UTF-8. */
            body_base64?: string;
            /**
             * Format: int64
             * @description Microseconds that the façade took.
             */
            micros: number;
        };
        Explanation: {
            facade: string;
            /**
             * Format: int64
             * @description Of the tenant's newest entry when the numbers were read.
             */
            sequence: number;
            /**
             * Format: date-time
             * @description The time that the façade takes for now.
             */
            at: string;
            /** @description The zone of today. */
            timezone: string;
            /** @description What the call is about: a node, an organization, an application. */
            about: {
                [key: string]: string;
            };
            fields: components["schemas"]["ExplainedField"][];
        };
        ExplainedField: {
            field: string;
            /** @description What tells the rows of an answer apart, such as date. */
            row?: {
                [key: string]: string;
            };
            /** @description As the façade answers it. */
            value: number | string;
            /** @description Of value. */
            unit?: string;
            /** @description The façade's call that answers it. */
            call: string;
            /** @description The mapping in force. */
            mapping: components["schemas"]["MappingSource"];
            overridden: boolean;
            /** @description The mapping without the tenant's override; only where there is one. */
            default?: components["schemas"]["MappingSource"];
            /** @description How value is made of native. */
            conversion: {
                /**
                 * Format: int64
                 * @description Base units in one shown.
                 */
                divide: number;
                /** @enum {string} */
                round?: "down" | "up" | "nearest";
                decimals: number;
                /**
                 * Format: int64
                 * @description The largest number shown.
                 */
                most?: number;
            };
            /** @description Fields that bound this one. */
            within?: string[];
            /** @description How they do. */
            fits?: string;
            /** @description What was read, at and below. */
            node?: components["schemas"]["Path"];
            /**
             * Format: date-time
             * @description Of the time that was read; absent where it is open. A standing value is read at its end.
             */
            from?: string;
            /** Format: date-time */
            to?: string;
            /** @description Group-by keys and their values. */
            filter?: {
                [key: string]: string;
            };
            /** @description What was read, in the base unit, before conversion; absent for no bound, and for what is derived. It may pass 2^63. */
            native?: number;
            base_unit?: string;
            /** @description A setting or label as it stands. */
            text?: string;
            quota?: components["schemas"]["Quota"];
            /** @description The resource's id. */
            resource?: string;
            /** @description Calls of this API that show what is behind the number. events are shown as they counted when it was read. */
            links: {
                usage?: string;
                quota?: string;
                resources?: string;
                events?: string;
                setting?: string;
            };
            /** @description The newest of those behind the number. */
            events?: components["schemas"]["StoredEvent"][];
            /** @description Not all events were looked at: there may be more, and newer ones within the last day shown. links.events leads to all. */
            events_partial?: boolean;
        };
        AuditEntry: {
            /** @description Its entry in the tenant's ledger. */
            sequence: number;
            /** Format: date-time */
            time: string;
            actor: components["schemas"]["Actor"];
            /** @enum {string} */
            op: "create" | "update" | "delete" | "reserve" | "settle" | "extend" | "release" | "expire" | "move" | "void" | "amend" | "propose" | "approve" | "revert" | "restore" | "discard";
            /** @enum {string} */
            type: "tenant" | "node" | "meter" | "quota" | "user" | "key" | "token" | "mapping" | "resource" | "hold" | "event" | "correction";
            /** @description A quota's has its node and meter, an event's its source and id, with a blank between. */
            name: string;
            /** @description Absent for what was new. */
            before?: Record<string, never>;
            /** @description Absent for what was deleted. Of a correction: what was said of the event. */
            after?: Record<string, never>;
        };
        AuditList: {
            items: components["schemas"]["AuditEntry"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
        };
        /** @description A whole number of the meter's base unit, or text with a unit: B KB MB GB TB (1000), KiB MiB GiB TiB (1024), s min h d. */
        Quantity: components["schemas"]["Amount"] | string;
        /** @description Whole seconds, or text with a unit: s min h d. At most 366 days. */
        Seconds: number | string;
        AskedItem: {
            meter: string;
            amount: components["schemas"]["Quantity"];
        };
        Item: {
            meter: string;
            amount: components["schemas"]["Amount"];
        };
        /** @description A quota that has no room: used + reserved + asked + guaranteed passes limit by short_by. To a token bound to a subtree, limit, used, reserved and guaranteed of quotas above it are absent. */
        Block: {
            node: components["schemas"]["Path"];
            meter: string;
            /** @enum {string} */
            window: "lifetime" | "day" | "month";
            limit?: components["schemas"]["Amount"];
            used?: components["schemas"]["Amount"];
            reserved?: components["schemas"]["Amount"];
            asked: components["schemas"]["Amount"];
            /**
             * Format: int64
             * @description What the limit keeps for others below that have used less than they are guaranteed.
             */
            guaranteed?: number;
            short_by: components["schemas"]["Amount"];
            /**
             * Format: date-time
             * @description When the window ends; null for lifetime.
             */
            resets_at: string | null;
        };
        Charge: {
            /** @description With source, the charge's identity for the life of the data. */
            id: string;
            /** @default usance.charges */
            source: string;
            /** @description What is charged; default: the root. */
            node?: components["schemas"]["Path"];
            /** @description Who or what used it. */
            subject?: string;
            /**
             * Format: date-time
             * @description When it was used; default: now.
             */
            time?: string;
            items: components["schemas"]["AskedItem"][];
            /**
             * @default enforce
             * @enum {string}
             */
            mode: "enforce" | "check" | "best_effort" | "adjust";
        };
        Charged: {
            /** @description Its entry in the tenant's ledger; with mode check, the newest entry. */
            sequence: number;
            /** @description It was known already. */
            duplicate: boolean;
            /** @description What was recorded; with mode check, what would be. */
            granted: components["schemas"]["Item"][];
            /** @description Soft and shadow quotas that it passes. */
            flagged: components["schemas"]["Block"][];
            /** @description The quotas it touches, as they stand after it. */
            quotas: components["schemas"]["Quota"][];
        };
        Reserve: {
            id: string;
            /** @description Default: the root. */
            node?: components["schemas"]["Path"];
            subject?: string;
            items: components["schemas"]["AskedItem"][];
            ttl: components["schemas"]["Seconds"];
        };
        Settle: {
            /** @description What was really used; default: all that is still set aside. */
            items?: components["schemas"]["AskedItem"][];
            /**
             * @description The hold stays open with the rest.
             * @default false
             */
            partial: boolean;
            /** @description Which settlement this is, from 1; 0: the next. */
            step?: number;
        };
        Extend: {
            ttl: components["schemas"]["Seconds"];
        };
        Hold: {
            id: string;
            node: components["schemas"]["Path"];
            subject?: string;
            /** @description As reserved. */
            items: components["schemas"]["Item"][];
            /** @description What is still set aside. */
            open?: components["schemas"]["Item"][];
            /** @description What was really used, over all settlements. */
            settled?: components["schemas"]["Item"][];
            /** @enum {string} */
            state: "open" | "settled" | "released" | "expired";
            /** Format: date-time */
            created: string;
            /** Format: date-time */
            expires: string;
            /** @description Settlements so far. */
            steps?: number;
            /** @description The node it was made at, once that has moved. */
            made_at?: components["schemas"]["Path"];
        };
        HoldList: {
            items: components["schemas"]["Hold"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
        };
        Resource: {
            id?: string;
            node?: components["schemas"]["Path"];
            business_type: string;
            /** @enum {string} */
            charging_mode: "PERIODIC" | "ONE_TIME" | "ON_DEMAND";
            /** @enum {string} */
            source: "PURCHASED" | "SP_ALLOCATED" | "ADMIN_ALLOCATED";
            /** Format: int64 */
            amount?: number;
            unit?: string;
            order_id?: string;
            resource_type?: string;
            frozen?: boolean;
            /** Format: date-time */
            starts?: string;
            /**
             * Format: date-time
             * @description Absent: never.
             */
            expires?: string;
            labels?: {
                [key: string]: string;
            };
            /** @description What it adds to quotas from its start to its expiry, unless it is frozen. */
            grants?: components["schemas"]["Grant"][];
            /** Format: date-time */
            created?: string;
        };
        ResourceList: {
            items: components["schemas"]["Resource"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
            /** @description Rows of all pages. */
            total?: number;
        };
        Renew: {
            /** Format: date-time */
            expires: string;
        };
        ResourceCounts: {
            count: number;
            /** @description One row for each group that has any; none without group_by. */
            items: components["schemas"]["ResourceCount"][];
        };
        ResourceCount: {
            business_type?: string;
            charging_mode?: string;
            source?: string;
            count: number;
        };
        Tenant: {
            id?: string;
            name?: string;
            /** @description IANA zone of today; default UTC. */
            timezone?: string;
            aliases?: {
                [key: string]: string;
            };
            settings?: {
                [key: string]: string;
            };
            /** @description Limits handed out below the root must fit its own. */
            carved?: boolean;
            /** Format: date-time */
            created?: string;
        };
        TenantList: {
            items: components["schemas"]["Tenant"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
        };
        RefusedEvent: {
            /** @description Of the event, or of the first of several; empty when it could not be read. Long texts are cut, with … at their end. */
            id: string;
            source: string;
            type: string;
            /**
             * Format: date-time
             * @description As the event states it; absent when it does not, or not readably.
             */
            time?: string;
            node: components["schemas"]["Path"];
            /** @description The type of the problem that the sender was told. */
            problem: string;
            /** @description What the sender was told, cut. */
            why: string;
            /** @description Who sent it: token: or user: and a name. */
            by: string;
            /** @description How many events were refused together, where none has a fault of its own; otherwise 1. 0 when they could not be told apart. */
            events: number;
            /** Format: date-time */
            first: string;
            /** Format: date-time */
            last: string;
            /** @description How often the same was refused. */
            times: number;
        };
        RefusedEventList: {
            items: components["schemas"]["RefusedEvent"][];
            /** @description How many events of the tenant were refused since then, of one request those that its answer named; not told to a token bound to a subtree. */
            total?: number;
            /**
             * Format: date-time
             * @description Since when this process remembers.
             */
            since: string;
        };
        TenantSummary: {
            id: string;
            name?: string;
            /** @description IANA zone of today. */
            timezone: string;
            /** @description How many quotas the tenant has. */
            quotas: number;
            /** @description How many of them, the first by node and meter, over, near and tightest tell of. */
            looked_at: number;
            /** @description Quotas over their limits. */
            over: number;
            /** @description Quotas not over their limits of which 80% or more are taken. */
            near: number;
            /** @description The quota of whose limit, as it is in force, the greatest share is taken; the first of several. One of a limit of 0 of which something is taken goes before all others. */
            tightest?: {
                node: components["schemas"]["Path"];
                meter: string;
                /** @description Base unit of the meter. */
                unit: string;
                limit: components["schemas"]["Amount"];
                used: components["schemas"]["Amount"];
                reserved: components["schemas"]["Amount"];
                /**
                 * Format: int64
                 * @description Used and reserved as millionths of the limit, rounded down; absent when the limit is 0.
                 */
                share_ppm?: number;
                /** @enum {unknown} */
                window: "lifetime" | "day" | "month";
                /** @enum {unknown} */
                enforce: "hard" | "soft" | "shadow";
            };
            /** @description Absent where the tenant has no such meter. */
            usage?: {
                meter: string;
                unit: string;
                /** @description From the start of the tenant's day until now; of a level or gauge how it stands. */
                today: number;
                /** @description From the start of the day before until 24 hours before the present minute; of a level or gauge how it stood then. */
                yesterday: number;
            };
            /** @description Resources that expire within 7 days. */
            expiring: number;
            /** @description What expires next, whenever that is. */
            next_expiry?: {
                resource: string;
                /** Format: date-time */
                expires: string;
            };
            /** @description The tenant's figures could not be read; those here are none. */
            unreadable?: boolean;
        };
        TenantSummaryList: {
            items: components["schemas"]["TenantSummary"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
        };
        Node: {
            path: components["schemas"]["Path"];
            name?: string;
            /** @description Ids by which vendors' APIs know the node. */
            aliases?: {
                [key: string]: string;
            };
            carved?: boolean;
        };
        NodeList: {
            items: components["schemas"]["Node"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
            /** @description Rows of all pages. */
            total?: number;
        };
        MoveNode: {
            from: components["schemas"]["Path"];
            /** @description Where it shall be. Nothing may be there yet. */
            to: components["schemas"]["Path"];
            /** @description Only say what the move would do. */
            dry_run?: boolean;
        };
        MovedNode: {
            /** @description The move's entry in the tenant's ledger; of a dry run, the last entry that it looked at. */
            sequence: number;
            /** @description True: nothing was moved, and the numbers are what a move now would take along. */
            dry_run?: boolean;
            from: components["schemas"]["Path"];
            to: components["schemas"]["Path"];
            /** @description Definitions of nodes that moved. */
            nodes: number;
            quotas: number;
            /** @description Users bound to the subtree. */
            users: number;
            /** @description Tokens bound to the subtree. */
            tokens: number;
            resources: number;
            /** @description Open holds; one that is over stays where it ended. */
            holds: number;
            /** @description Soft and shadow quotas that the move passes. */
            flagged: components["schemas"]["Block"][];
            /** @description Of a dry run alone: the hard quotas that refuse the move. */
            blocks?: components["schemas"]["Block"][];
        };
        User: {
            name: string;
            /** @enum {string} */
            role: "admin" | "member" | "viewer" | "ingester";
            subtree?: components["schemas"]["Path"];
            disabled?: boolean;
            /** Format: date-time */
            created?: string;
        };
        UserList: {
            items: components["schemas"]["User"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
            /** @description Rows of all pages. */
            total?: number;
        };
        PutUser: {
            name?: string;
            /** @enum {string} */
            role: "admin" | "member" | "viewer" | "ingester";
            subtree?: components["schemas"]["Path"];
            disabled?: boolean;
            /** Format: date-time */
            created?: string;
            /** @description Absent: the one there is. */
            password?: string;
        };
        Key: {
            /** @enum {string} */
            kind: "aksk" | "app" | "zstack";
            id: string;
            user: string;
            disabled?: boolean;
            /** Format: date-time */
            created?: string;
            /** @description Only in the answer that made it. */
            secret?: string;
        };
        KeyList: {
            items: components["schemas"]["Key"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
            /** @description Rows of all pages. */
            total?: number;
        };
        PutKey: {
            /** @enum {string} */
            kind?: "aksk" | "app" | "zstack";
            id?: string;
            user: string;
            disabled?: boolean;
            /** Format: date-time */
            created?: string;
            secret?: string;
        };
        Token: {
            name: string;
            /** @enum {string} */
            role: "admin" | "member" | "viewer" | "ingester";
            subtree?: components["schemas"]["Path"];
            /** Format: date-time */
            expires?: string;
            /** @description Events sent with it are enforced as a charge is: all are recorded, or none where a hard quota has no room. */
            enforce?: boolean;
            /** Format: date-time */
            created?: string;
            /** @description Only in the answer that made it. */
            secret?: string;
        };
        TokenList: {
            items: components["schemas"]["Token"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
            /** @description Rows of all pages. */
            total?: number;
        };
        PutToken: {
            name?: string;
            /** @enum {string} */
            role: "admin" | "member" | "viewer" | "ingester";
            subtree?: components["schemas"]["Path"];
            /** Format: date-time */
            expires?: string;
            /** @description Events sent with it are enforced as a charge is: all are recorded, or none where a hard quota has no room. */
            enforce?: boolean;
            /** Format: date-time */
            created?: string;
            secret?: string;
        };
        Manifest: {
            tenants: Record<string, never>[];
        };
        Applied: {
            dry_run: boolean;
            tenants: components["schemas"]["AppliedTenant"][];
        };
        AppliedTenant: {
            tenant: string;
            sequence?: number;
            /** @description Empty when all was so already. */
            changes: components["schemas"]["Change"][];
        };
        Change: {
            /** @enum {string} */
            op: "create" | "update" | "delete";
            type: string;
            name: string;
            detail?: string;
            /** @description A secret made here, shown this once. */
            secret?: string;
        };
        LoginCodeRequest: {
            user: string;
        };
        LoginCode: {
            code: string;
            /** Format: date-time */
            expires: string;
        };
        /**
         * Format: binary
         * @description A tenant's archive: a zstd stream of frames, each with its hash, from a header to a trailer.
         */
        Archive: string;
        KeyRef: {
            kind: string;
            id: string;
        };
        Imported: {
            tenant: string;
            /** @description Sequence of the archive's last entry. */
            archived: number;
            /** @description Of the tenant's newest entry: past archived when keys were sealed anew. */
            sequence: number;
            events: number;
            /** @description Signing keys sealed anew for this server. */
            sealed: number;
            /** @description Signing keys whose secrets stayed behind: they sign nothing until they are given one. */
            lost: components["schemas"]["KeyRef"][];
            /** @description The same archive had been imported before; nothing was done. */
            already: boolean;
        };
        Arrival: {
            tenant: string;
            /** @description Sequence of the archive's last entry. */
            archived: number;
            /** @description The ledger's hash chain at that entry. */
            chain: string;
            /** @description Entries that are there: an import goes on after them. */
            stored: number;
            done: boolean;
        };
        DeletedTenant: {
            id: string;
            /** Format: date-time */
            deleted_at: string;
            by: components["schemas"]["Actor"];
            /** @description Of its last entry. */
            sequence: number;
            /**
             * @description Whether its rows are still being removed.
             * @enum {string}
             */
            state: "going" | "gone";
        };
        DeletedTenantList: {
            items: components["schemas"]["DeletedTenant"][];
            /** @description Cursor of the next page; absent at the end. */
            next?: string;
        };
        /**
         * Format: binary
         * @description A tar archive: manifest.json, files by their hashes, and an entry named end.
         */
        Backup: string;
        BackupRequest: {
            /** @description SHA-256 of files that need not be sent again, in hexadecimal digits. */
            have?: string[];
        };
    };
    responses: {
        /** @description The request is wrong; errors says where. */
        Refusal400: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description There is no valid bearer token. */
        Refusal401: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The token's role or subtree does not allow it. */
        Refusal403: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description There is no such thing, or none that the token may know of. */
        Refusal404: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body came too slowly. */
        Refusal408: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description It contradicts what is stored; errors says where. Or a quota has no room; blocks lists every one that refuses. */
        Refusal409: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body, or a list in it, is over a bound. */
        Refusal413: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The Content-Type or Content-Encoding is not one of those taken. */
        Refusal415: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description A defect; the request id leads to its cause in the log. */
        Refusal500: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Try again later. */
        Refusal503: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description Events counted by this request. */
        "Usance-Accepted": number;
        /** @description Events that were known already. */
        "Usance-Duplicates": number;
        /** @description The newest entry of the tenant's ledger that the call wrote or read. */
        "Usance-Sequence": number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    applyManifest: {
        parameters: {
            query?: {
                /** @description Only work out the changes. */
                dry_run?: boolean;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Manifest"];
                "application/yaml": string;
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Applied"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listAudit: {
        parameters: {
            query?: {
                /** @description Changes at or after this time, or from this sequence number on. */
                from?: string;
                /** @description Changes before this time, or below this sequence number. */
                to?: string;
                /** @description Changes of these alone. */
                type?: "tenant" | "node" | "meter" | "quota" | "user" | "key" | "token" | "mapping" | "resource" | "hold" | "event" | "correction";
                /** @description Changes by this actor, such as token:collector. */
                actor?: string;
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    backup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["BackupRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-tar": components["schemas"]["Backup"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    charge: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Charge"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Charged"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listCorrections: {
        parameters: {
            query?: {
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CorrectionList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    proposeCorrection: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProposeCorrection"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Correction"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getCorrection: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Correction"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    discardCorrection: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    approveCorrection: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Correction"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    revertCorrection: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Correction"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listDeletedTenants: {
        parameters: {
            query?: {
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeletedTenantList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Events at or after this time. */
                from?: string;
                /** @description Events before this time. */
                to?: string;
                /** @description Events of this type. */
                type?: string;
                /** @description Events of this subject. */
                subject?: string;
                /** @description Events of this source. */
                source?: string;
                /** @description Events with this id. */
                id?: string;
                /** @description Events that count towards this meter. */
                meter?: string;
                /** @description filterGroupBy[key]=value, with meter: only events whose group-by key has this value, or one of several separated by commas. */
                filterGroupBy?: {
                    [key: string]: string;
                };
                /** @description Events at and below this node. Default: all the token may see. */
                node?: components["schemas"]["Path"];
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description Answer what was known when the tenant's ledger had just reached this sequence number. */
                at_sequence?: number;
                /** @description Answer what was known at this time. Not with at_sequence. */
                known_at?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredEventList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    sendEvents: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/cloudevents+json": components["schemas"]["Event"];
                "application/cloudevents-batch+json": components["schemas"]["EventBatch"];
                "application/json": components["schemas"]["Events"];
                "application/x-ndjson": string;
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Accepted": components["headers"]["Usance-Accepted"];
                    "Usance-Duplicates": components["headers"]["Usance-Duplicates"];
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listRefusedEvents: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RefusedEventList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    amendEvent: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                source: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Amend"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredEvent"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    voidEvent: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                source: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Void"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredEvent"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    explain: {
        parameters: {
            query: {
                /** @description The façade. Required. */
                facade: "cloudrtc" | "koodrive" | "meeting" | "metastudio" | "zstack";
                /** @description The field of its answer, such as confCount, deptSpaceUsed, vm.cpuNum.used, audio or resources.usage. Default: all. */
                field?: string;
                /** @description The node that the façade's call is about, for those whose calls are about one. Default: all the token may see. */
                node?: components["schemas"]["Path"];
                /** @description How many of the newest events behind each number to show, 0 to 50. Default: 5 for a field, 0 for all. */
                events?: number;
                /** @description zstack: the uuid of the organization or account. Default: the topmost organization at and below the node. */
                uuid?: string;
                /** @description zstack: the one quota of this name. */
                name?: string;
                /** @description cloudrtc, metastudio: the project's id. Default: all at and below the node. */
                project_id?: string;
                /** @description cloudrtc: the application's id. It need not be named where there is one alone. */
                app?: string;
                /** @description cloudrtc: CommunicationDuration. */
                metric?: string;
                /** @description cloudrtc: the first UTC day. Default: yesterday. */
                start_date?: string;
                /** @description cloudrtc: the last UTC day. */
                end_date?: string;
                /** @description metastudio: business types, separated by commas. */
                business?: string;
                /** @description metastudio: resources that expire at or after this time. */
                resource_expire_start_time?: string;
                /** @description metastudio: resources that expire at or before this time. */
                resource_expire_end_time?: string;
                /** @description metastudio: sources, separated by commas. */
                resource_source?: string;
                /** @description metastudio: charging modes, separated by commas. */
                charging_mode?: string;
                /** @description metastudio: resource types, separated by commas. */
                resource?: string;
                /** @description metastudio: sub-resource types, separated by commas. */
                sub_resource?: string;
                /** @description metastudio: one resource. */
                resource_id?: string;
                /** @description metastudio: the resources of one order. */
                order_id?: string;
                /** @description metastudio: 0, or 1 for frozen ones. */
                status?: string;
                /** @description metastudio: most rows of the list, 1 to 100. Default: 10. */
                limit?: string;
                /** @description metastudio: rows of the list to skip. */
                offset?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    callFacade: {
        parameters: {
            query?: {
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                facade: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["FacadeCall"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FacadeAnswer"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listHolds: {
        parameters: {
            query?: {
                /** @description Holds at and below this node. Default: all the token may see. */
                node?: components["schemas"]["Path"];
                /** @description Default: open. */
                state?: "open" | "settled" | "released" | "expired" | "all";
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HoldList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    reserve: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Reserve"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getHold: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    releaseHold: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    extendHold: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Extend"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    settleHold: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Settle"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listKeys: {
        parameters: {
            query?: {
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    createKey: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutKey"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getKey: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                kind: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    putKey: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                kind: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutKey"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    deleteKey: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                kind: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    createLoginCode: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginCodeRequest"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoginCode"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listMeters: {
        parameters: {
            query?: {
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeterList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    createMeter: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Meter"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Meter"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getMeter: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                meter: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Meter"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    putMeter: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                meter: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutMeter"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Meter"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    deleteMeter: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                meter: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    queryMeter: {
        parameters: {
            query?: {
                /** @description Usage at or after this time. Default: from the first event. */
                from?: string;
                /** @description Usage before this time. Default: to the last event. */
                to?: string;
                /** @description Split the answer into windows. Default: one row for all the time. */
                windowSize?: "MINUTE" | "HOUR" | "DAY" | "MONTH";
                /** @description IANA zone whose days and months the windows are. Default: UTC. */
                windowTimeZone?: string;
                /** @description Only these subjects, with a row for each. */
                subject?: string[];
                /** @description Group-by keys of the meter, and subject; repeated or separated by commas. */
                groupBy?: string[];
                /** @description filterGroupBy[key]=value: only usage whose group-by key has this value, or one of several separated by commas. */
                filterGroupBy?: {
                    [key: string]: string;
                };
                /** @description Usage at and below this node. Default: all the token may see. */
                node?: components["schemas"]["Path"];
                /** @description Accepted for OpenMeter's clients; it has no effect. */
                clientId?: string;
                /** @description Answer what was known when the tenant's ledger had just reached this sequence number. */
                at_sequence?: number;
                /** @description Answer what was known at this time. Not with at_sequence. */
                known_at?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                meter: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Usage"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listNodes: {
        parameters: {
            query?: {
                /** @description Nodes at and below this one. Default: all the token may see. */
                node?: components["schemas"]["Path"];
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NodeList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    putNode: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Node"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    createNode: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Node"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    deleteNode: {
        parameters: {
            query: {
                /** @description The node. Required. */
                node: components["schemas"]["Path"];
                /** @description Remove it although usage is recorded at or below it, which stays and is read by the path. */
                keep_usage?: boolean;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    moveNode: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MoveNode"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MovedNode"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listQuotas: {
        parameters: {
            query?: {
                /** @description Quotas at this node. Default: all that the token may see. */
                node?: components["schemas"]["Path"];
                /** @description Quotas of this meter. */
                meter?: string;
                /** @description Those below the node too. */
                recursive?: boolean;
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description Answer what was known when the tenant's ledger had just reached this sequence number. */
                at_sequence?: number;
                /** @description Answer what was known at this time. Not with at_sequence. */
                known_at?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    putQuota: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutQuota"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quota"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    deleteQuota: {
        parameters: {
            query: {
                /** @description The quota's node. Required. */
                node: components["schemas"]["Path"];
                /** @description The quota's meter. Required. */
                meter: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    forecastQuotas: {
        parameters: {
            query: {
                /** @description The time to look at, from now on. Required. */
                at: string;
                /** @description Quotas at this node. Default: all that the token may see. */
                node?: components["schemas"]["Path"];
                /** @description Quotas of this meter. */
                meter?: string;
                /** @description Those below the node too. */
                recursive?: boolean;
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaForecastList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listResources: {
        parameters: {
            query?: {
                /** @description Only these business types; repeated or separated by commas. */
                business_type?: string[];
                /** @description Only these charging modes. */
                charging_mode?: string[];
                /** @description Only these sources. */
                source?: string[];
                /** @description Only resources that expire at or after this time. */
                expires_from?: string;
                /** @description Only resources that expire at or before this time. */
                expires_to?: string;
                /** @description Resources at this node. Default: all that the token may see. */
                node?: components["schemas"]["Path"];
                /** @description Those below the node too. */
                recursive?: boolean;
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description Answer what was known when the tenant's ledger had just reached this sequence number. */
                at_sequence?: number;
                /** @description Answer what was known at this time. Not with at_sequence. */
                known_at?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResourceList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    createResource: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Resource"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Resource"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    countResources: {
        parameters: {
            query?: {
                /** @description Only these business types; repeated or separated by commas. */
                business_type?: string[];
                /** @description Only these charging modes. */
                charging_mode?: string[];
                /** @description Only these sources. */
                source?: string[];
                /** @description Only resources that expire at or after this time. */
                expires_from?: string;
                /** @description Only resources that expire at or before this time. */
                expires_to?: string;
                /** @description Resources at this node. Default: all that the token may see. */
                node?: components["schemas"]["Path"];
                /** @description Those below the node too. */
                recursive?: boolean;
                /** @description Count by business_type, charging_mode, source or several of them; repeated or separated by commas. */
                group_by?: string[];
                /** @description Answer what was known when the tenant's ledger had just reached this sequence number. */
                at_sequence?: number;
                /** @description Answer what was known at this time. Not with at_sequence. */
                known_at?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResourceCounts"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getResource: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Resource"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    putResource: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Resource"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Resource"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    deleteResource: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    renewResource: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Renew"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Resource"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    summarizeTenants: {
        parameters: {
            query?: {
                /** @description The meter whose usage is told. Default: meeting.duration. */
                meter?: string;
                /** @description Most rows of a page, 1 to 200, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantSummaryList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listTenants: {
        parameters: {
            query?: {
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    createTenant: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Tenant"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getTenant: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    putTenant: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Tenant"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    deleteTenant: {
        parameters: {
            query: {
                /** @description The tenant's id once more. Required. */
                confirm: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeletedTenant"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    exportTenant: {
        parameters: {
            query?: {
                /** @description To complete an archive that broke off: the sequence of its last whole entry. */
                after?: number;
                /** @description The hash chain at that entry. */
                after_chain?: string;
                /** @description The sequence of the last entry that the archive's header names. */
                through?: number;
                /** @description The hash chain that its header names. */
                chain?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.usance.archive": components["schemas"]["Archive"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getImport: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Arrival"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    importTenant: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/vnd.usance.archive": components["schemas"]["Archive"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Imported"];
                    "application/x-ndjson": string;
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    discardImport: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                tenant: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listTokens: {
        parameters: {
            query?: {
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    createToken: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutToken"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getToken: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    putToken: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutToken"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    deleteToken: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    listUsers: {
        parameters: {
            query?: {
                /** @description Most rows of a page, 1 to 1000, which is the default. */
                limit?: number;
                /** @description The next member of the page before. */
                cursor?: string;
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserList"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    createUser: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutUser"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    getUser: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
                /** @description Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time. */
                min_sequence?: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    putUser: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutUser"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    deleteUser: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
    verify: {
        parameters: {
            query?: {
                /** @description For an operator's token: the tenant it speaks for. A tenant's own token needs none. */
                tenant?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Usance-Sequence": components["headers"]["Usance-Sequence"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Verification"];
                    "application/x-ndjson": string;
                };
            };
            400: components["responses"]["Refusal400"];
            401: components["responses"]["Refusal401"];
            403: components["responses"]["Refusal403"];
            404: components["responses"]["Refusal404"];
            408: components["responses"]["Refusal408"];
            409: components["responses"]["Refusal409"];
            413: components["responses"]["Refusal413"];
            415: components["responses"]["Refusal415"];
            500: components["responses"]["Refusal500"];
            503: components["responses"]["Refusal503"];
        };
    };
}
