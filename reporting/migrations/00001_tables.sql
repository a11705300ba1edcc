-- The tables that people and tools read; docs/sql.md says what the columns mean.
-- They follow from the ledger and are made anew when they are lost.

-- +goose Up
create table tenants (
	tenant   text collate "C" primary key,
	name     text             not null,
	timezone text             not null,
	sequence bigint           not null,
	newest   bigint           not null,
	as_of    timestamptz      not null
);

create table events (
	tenant   text collate "C" not null,
	sequence bigint           not null,
	source   text             not null,
	id       text             not null,
	type     text             not null,
	subject  text             not null,
	node     text collate "C" not null,
	time     timestamptz      not null,
	recorded timestamptz      not null,
	data     jsonb,
	voided   boolean          not null,
	amended  boolean          not null,
	state    text             not null generated always as (case when voided then 'voided' when amended then 'amended' else 'counted' end) stored,
	primary key (tenant, sequence)
);

create index events_time on events (tenant, time);

create table usage_daily (
	tenant      text collate "C" not null,
	meter       text collate "C" not null,
	node        text collate "C" not null,
	day         date             not null,
	group_by    jsonb            not null,
	value       numeric          not null,
	unit        text             not null,
	aggregation text             not null
);

create index usage_daily_series on usage_daily (tenant, meter, node, day);

create table quotas (
	tenant       text collate "C" not null,
	node         text collate "C" not null,
	meter        text collate "C" not null,
	period       text             not null,
	enforce      text             not null,
	base         bigint,
	granted      bigint           not null,
	limit_amount bigint,
	used         bigint           not null,
	reserved     bigint           not null,
	allocated    bigint,
	available    bigint,
	over         bigint           not null,
	guarantee    bigint           not null,
	resets_at    timestamptz,
	primary key (tenant, node, meter)
);

create table resources (
	tenant        text collate "C" not null,
	id            text collate "C" not null,
	node          text collate "C" not null,
	business_type text             not null,
	charging_mode text             not null,
	source        text             not null,
	amount        bigint           not null,
	unit          text             not null,
	order_id      text             not null,
	resource_type text             not null,
	frozen        boolean          not null,
	starts        timestamptz,
	expires       timestamptz,
	created       timestamptz,
	labels        jsonb            not null,
	grants        jsonb            not null,
	primary key (tenant, id)
);

-- How far each tenant is: for the publisher alone. Whoever works at a tenant has
-- its row locked.
create table progress (
	tenant   text collate "C" primary key,
	sequence bigint           not null,
	chain    bytea            not null,
	as_of    timestamptz,
	due      timestamptz
);
