-- The spine. Ledger tables are append-only by privilege: mainstem_app holds no UPDATE or DELETE on them.
-- Every `bytea` body is zstd, then AES-256-GCM under the key of its owner (table data_key); the owner of a fact is its
-- source's patient record, of a consolidated resource its person, of a delivery its source (docs/decisions/0003).
-- A surrogate `bigint` is the first 64 bits of a keyed deterministic id (mainstem.model.ids.number).

create table source (
    id      smallint generated always as identity primary key,
    name    text not null unique check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    kind    text not null,
    created timestamptz not null
);

create table data_key (                       -- one data key per owner, wrapped by the key file's key
    owner   bigint primary key,
    wrapped bytea  not null,
    created timestamptz not null
);

create table dictionary (                     -- zstd dictionaries; critical: without its dictionary a body is unreadable
    id    smallint primary key,
    bytes bytea not null
);

-- ledger ------------------------------------------------------------------------------------------------------------
create table delivery (
    id       bigint generated always as identity primary key,
    source   smallint not null references source,
    media    text not null,
    chash    bytea not null,                  -- keyed hash of the raw bytes: the same bytes again are the same delivery
    received timestamptz not null,
    size     int not null,
    body     bytea not null,                  -- sealed {name, offset, raw bytes}
    unique (source, chash)
);

create table outcome (                        -- one row when a delivery has been worked through: in = kept + known + held (I8)
    delivery bigint not null references delivery,
    mapping  int not null,                    -- version of the stages that read it
    at       timestamptz not null,
    stated   int not null,
    kept     int not null,
    known    int not null,                    -- stated before, word for word
    held     int not null,
    primary key (delivery, mapping),
    check (stated = kept + known + held)
);

create table fact (
    record   bigint not null,                 -- number(Namer.record(source, type, key))
    source   smallint not null,
    rt       smallint not null,               -- FHIR type number (mainstem.fhir.types)
    subject  bigint not null,                 -- record of the source's Patient; 0 = about no person
    ord      text collate "C" not null,
    chash    bytea not null,                  -- keyed hash of the canonical resource without meta.versionId/lastUpdated
    delivery bigint not null,
    received timestamptz not null,
    body     bytea,                           -- sealed header and resource (mainstem.store.ledger); null = content stated before
    primary key (record, chash, ord)
);

create table decision (                       -- link ledger: what was decided of two patient records, never rewritten
    id      bigint generated always as identity primary key,
    lo      bigint not null,
    hi      bigint not null,
    verdict text not null,
    rule    text not null,
    body    jsonb not null,                   -- {left, right, evidence, actor}; no demographics in it
    at      timestamptz not null,
    check (lo < hi)
);
create index decision_lo on decision (lo);
create index decision_hi on decision (hi);

create table held (
    id       bigint generated always as identity primary key,
    delivery bigint not null,
    problem  text not null,
    words    text not null,
    release  text not null,
    at       timestamptz not null,
    body     bytea not null,                  -- sealed [path, fact or null]: a file's name may be a patient's
    released timestamptz                      -- set when a replay let it through
);
create index held_open on held (problem) where released is null;
create index held_delivery on held (delivery);

create table history (                        -- what was published, version by version; the current body is in `resource`
    pk     bigint not null,
    ver    int not null,
    id     uuid not null,
    rt     smallint not null,
    person bigint not null,
    upd    timestamptz not null,
    op     text not null,                 -- 'c' create, 'u' update, 'd' delete
    cat    bigint not null,
    labels int not null,
    dlo    timestamptz,
    chash  bytea not null,
    primary key (pk, ver)
);

create table superseded (                     -- the body of a version, moved here when the next version takes its place
    pk     bigint not null,
    ver    int not null,
    body   bytea not null,                    -- sealed with the AAD that it had in `resource`
    cert   bytea not null,
    primary key (pk, ver)
);

create table outbox (
    id     bigint generated always as identity primary key,
    pk     bigint not null,
    ver    int not null,
    rt     smallint not null,
    person bigint not null,
    op     text not null,
    at     timestamptz not null
);

create table audit (                          -- each disclosure and change, with the grant that let it through (I5)
    id       bigint generated always as identity primary key,
    at       timestamptz not null,
    grantee  int not null,
    client   int,
    grant_id bigint,                          -- null only for refusals and for the pipeline's own writes
    person   bigint not null,
    verb     text not null,                   -- read, vread, search, history, everything, create, share, pause, stop, sign-in …
    rt       smallint not null,
    pk       bigint,
    rows     int not null,
    outcome  text not null,
    request  text not null,
    query    bytea                            -- sealed query text
);
create index audit_person on audit (person, at desc);

-- views of the ledger: `mainstem rebuild` drops and makes them again -----------------------------------------------------
create table head (                           -- newest version of each source record; (record, chash) names its fact
    record   bigint primary key,
    source   smallint not null,
    rt       smallint not null,
    subject  bigint not null,
    block    bigint not null,
    ord      text collate "C" not null,
    chash    bytea not null,
    resource bigint                           -- pk of the consolidated resource that it contributes to: any member's id finds it
);
create index head_block on head (subject, block);
create index head_source on head (source, rt, record);
create index head_resource on head (resource);

create table blocking (key bigint not null, record bigint not null, primary key (key, record));
create index blocking_record on blocking (record);

create table person (id bigint primary key, uuid uuid not null);
create table member (                         -- patient record → person
    record bigint primary key,
    person bigint not null,
    own    bigint not null                    -- the id that the person would have if this record named it: old ids still find it
);
create index member_person on member (person);
create index member_own on member (own);

create table resource (
    pk     bigint primary key,
    id     uuid not null,
    rt     smallint not null,
    person bigint not null,                   -- 0 = about no person
    block  bigint not null,
    ver    int not null,
    upd    timestamptz not null,
    dlo    timestamptz,                       -- primary clinical date, half-open
    dhi    timestamptz,
    cat    bigint not null,                   -- bit mask of grant categories (mainstem.trust.grants)
    labels int not null,                      -- bit mask of sensitivity labels
    tok    bigint[] not null,                 -- sorted keyed tokens of all searchable values
    chash  bytea not null,                    -- keyed hash of the content, then of the certificate (16 + 16 bytes)
    body   bytea not null,
    cert   bytea not null
);
create index resource_tok on resource using gin (tok) with (fastupdate = on, gin_pending_list_limit = 512); -- ADR 0007
create index resource_block on resource (person, block);
create index resource_date on resource (person, rt, dlo desc nulls last, pk desc);
create index resource_type on resource (rt, upd, pk);

-- work ---------------------------------------------------------------------------------------------------------------
create table cursor (
    source smallint not null references source,
    stream text not null,
    value  jsonb not null,
    at     timestamptz not null,
    primary key (source, stream)
);

create table job (
    id          bigint generated always as identity primary key,
    kind        text not null,
    source      smallint,
    part        text not null default '',
    state       "char" not null default 'r',  -- r ready, x executing, d done, f failed
    run_at      timestamptz not null,
    lease_until timestamptz,
    fence       bigint not null default 0,
    attempts    int not null default 0,
    err         text
);
create index job_ready on job (run_at) where state = 'r';

-- trust --------------------------------------------------------------------------------------------------------------
create table grantee (
    id        int generated always as identity primary key,
    kind      text not null,                  -- patient, clinician, app, job, link, operator
    name      text not null,                  -- shown to the patient: "Harbour Clinic app"
    person    bigint,                         -- the person that a grantee of kind patient is
    given     bigint,                         -- the person's id when it was registered: `person` follows that patient record
    created   timestamptz not null,
    paused_at timestamptz,
    disabled_at timestamptz
);

create index grantee_given on grantee (given);

create table grant_row (                      -- permit-only; every read joins to one of these rows
    id         bigint generated always as identity primary key,
    grantee    int not null references grantee,
    person     bigint,                        -- null = all people (operator, population job)
    given      bigint,                        -- the person's id when it was given: `person` follows that patient record
    types      smallint[] not null,           -- FHIR type numbers allowed; empty = all
    cats       bigint not null,               -- categories allowed, bit mask; -1 = all
    labels     int not null,                  -- sensitivity labels that it MAY see; -1 = all
    date_lo    timestamptz,                   -- clinical-date window of the data
    date_hi    timestamptz,
    valid_from timestamptz not null,
    valid_to   timestamptz not null,
    paused_at  timestamptz,
    stopped_at timestamptz,
    verbs      text not null,                 -- subset of 'cruds'
    purpose    text not null,
    basis      text not null,                 -- "patient consent", "operator", "self", …
    words      text not null,                 -- the sentence that the patient reads
    created    timestamptz not null
);
create index grant_row_grantee on grant_row (grantee, person);
create index grant_row_person on grant_row (person);
create index grant_row_given on grant_row (given);

create table token (                          -- opaque bearer handles, SHA-256 at rest
    hash    bytea primary key,
    grantee int not null references grantee,
    client  int references grantee,           -- the app through which a person acts
    kind    text not null,                    -- bearer, session, sign-in
    scope   text not null,
    created timestamptz not null,
    expires timestamptz not null,
    used_at timestamptz,                      -- a sign-in link works once
    revoked_at timestamptz
);

-- privileges: append-only is a right that is not given, not a habit -------------------------------------------------------
grant usage on schema mainstem to mainstem_app;
grant select, insert on delivery, outcome, fact, decision, held, history, superseded, outbox, audit, source, data_key, dictionary to mainstem_app;
grant update (released) on held to mainstem_app;
grant select, insert, update, delete on head, blocking, person, member, resource, cursor, job, token, grantee, grant_row to mainstem_app;
grant usage on all sequences in schema mainstem to mainstem_app;
