-- Roles belong to the whole server, so another database may have made them, or be making them now.
do $$
begin
    if not exists (select from pg_roles where rolname = 'mainstem_owner') then
        create role mainstem_owner nologin nosuperuser nobypassrls;
    end if;
    if not exists (select from pg_roles where rolname = 'mainstem_app') then
        create role mainstem_app nologin nosuperuser nobypassrls nocreatedb nocreaterole noinherit;
    end if;
exception
    when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
    if not (select rolsuper from pg_roles where rolname = current_user) then
        if not pg_has_role(current_user, 'mainstem_owner', 'usage') then
            execute format('grant mainstem_owner to %I', current_user);
        end if;
        if not pg_has_role(current_user, 'mainstem_app', 'usage') then
            execute format('grant mainstem_app to %I', current_user);
        end if;
    end if;
    if to_regnamespace('mainstem') is null then
        create schema mainstem authorization mainstem_owner;
    end if;
end
$$;

-- Array operators are not leakproof as installed, so row-level security would switch the token index off; over bigint[]
-- they raise no error that quotes a value, so the mark is safe. Where it is refused, `Database.leakproof` says so.
do $$
begin
    if (select rolsuper from pg_roles where rolname = current_user) then
        alter function pg_catalog.arraycontains(anyarray, anyarray) leakproof;
        alter function pg_catalog.arrayoverlap(anyarray, anyarray) leakproof;
    end if;
end
$$;
