-- The rows of every tenant, and the row of each tenant that is locked to take
-- its turn and tells when it is next due (nanoseconds since 1970, UTC). Values are
-- compressed already where that pays, so the database does not try again.

-- +goose Up
create table kv (
	tenant text collate "C" not null,
	tbl    smallint         not null,
	id     bytea            not null,
	value  bytea            not null,
	primary key (tenant, tbl, id)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

alter table kv alter column value set storage external;

create table turn (
	tenant text collate "C" primary key,
	due    bigint
) with (fillfactor = 70);

create index turn_due on turn (due, tenant) where due is not null;
