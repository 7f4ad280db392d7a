"""`agree`: agreeing to the columns that an import's deliveries have now (M115)."""

from __future__ import annotations

import shlex

from import_assets.cli.asking import answered_yes
from import_assets.cli.exits import DONE, NOT_DONE
from import_assets.cli.session import Session
from import_assets.errors import UnknownName
from import_assets.pipeline.deliver import terms_of
from import_assets.pipeline.stage import utc_now
from import_assets.warehouse import contracts, refusals


def agree(session: Session, name: str, *, confirmed: bool) -> int:
    """Agree to the columns of the last delivery that had others than the agreed ones.

    Deliveries that were refused for their columns count as new again.

    Raises:
        UnknownName: nothing was delivered to the import yet.
    """
    output = session.output
    definition = session.definition(name)
    known: contracts.Agreed | None = None
    if session.has_warehouse:
        with session.reading() as connection:
            known = contracts.agreed(connection, name)
    if known is None:
        raise UnknownName(f"{name} has had no delivery yet: the columns of the first are agreed to")
    record = {"import": name, "agreed": known.header, "of": known.key}
    if known.seen is None or known.seen_key is None:
        output.json([{**record, "changed": False}])
        output.say(
            f"The columns agreed are those of {known.key}, and no delivery that was run had "
            "others. A dry run leaves nothing to agree to."
        )
        return DONE
    change = contracts.change(known.header, known.seen, ordered=terms_of(definition).ordered)
    told = change.sentence() or "the same columns"
    question = f"{known.seen_key} against {known.key}, which was agreed to: {told}. Agree to it?"
    if not confirmed and not answered_yes(question, "agree"):
        output.json([{**record, "changed": False}])
        return NOT_DONE
    with session.warehouse.write() as connection:
        connection.execute("BEGIN")
        contracts.agree(connection, name, known.seen, known.seen_key, utc_now())
        refused = [
            key
            for key, refusal in refusals.of_import(connection, name).items()
            if refusal.reason == contracts.CHANGED
        ]
        for key in refused:
            refusals.clear(connection, name, key)
        connection.execute("COMMIT")
    output.json(
        [
            {
                "import": name,
                "agreed": known.seen,
                "of": known.seen_key,
                "changed": True,
                "taken_again": refused,
            }
        ]
    )
    output.say(f"Agreed: the columns of {name} are now those of {known.seen_key}.")
    if refused:
        keys = " ".join(f"--key {shlex.quote(key)}" for key in refused)
        output.say(f"To import what was refused: import-assets run {name} {keys}")
    return DONE
