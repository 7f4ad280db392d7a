"""What the nightly job removes, and what it never does."""

from __future__ import annotations

import os
import time

import dagster as dg

from import_assets.pipeline.stage import stage
from import_assets.sources.open import open_source
from import_assets.staging.batch import Staging
from import_assets_tests.orchestration.site import CUSTOMERS, Site


def clean(site: Site) -> dg.ExecuteInProcessResult:
    job = site.definitions.resolve_job_def("housekeeping")
    return job.execute_in_process(instance=site.instance)


def age(site: Site, days: int) -> None:
    moment = time.time() - days * 86_400
    for path in sorted((site.root / "data" / "staging").rglob("*"), reverse=True):
        os.utime(path, (moment, moment))


def test_what_was_left_behind_goes_by_age(site: Site) -> None:
    site.define("crm", CUSTOMERS)
    site.configure("retention: {days: 3}\n")
    copy = site.put("data/staging/spool/delivery-x.part", "id\n1\n")
    age(site, 2)
    assert clean(site).success
    assert copy.exists()
    age(site, 4)
    assert clean(site).success
    assert not copy.exists()


def test_a_batch_that_is_not_applied_stays_whatever_its_age(site: Site) -> None:
    site.define("crm", CUSTOMERS)
    site.put("in/a.csv", "id,age\n1,1\n")
    definition = site.definition()
    storage = open_source(definition)
    batch = stage(definition, storage, storage.stat("a.csv"))
    age(site, 4_000)
    done = clean(site)
    assert done.success
    assert [one.folder for one in Staging(definition.project.staging_path).all()] == [batch.folder]
    messages = [entry.user_message for entry in site.instance.all_logs(done.run_id)]
    assert any("Kept, because it is not in its table yet: a.csv" in one for one in messages)
    assert site.run("crm", "a.csv").success
    assert site.rows("SELECT age FROM customers") == [(1,)]
