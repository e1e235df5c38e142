"""The day's budget, as all processes on one database keep it."""

from llm import Budget, Call, Usage
from llm.answers import CallEnd
from llm.store import PostgresStore
from sql.database import Database

DAY = Budget(tokens=1000)


def test_room_is_held_given_back_and_spent(database: Database) -> None:
    one, other = PostgresStore(database), PostgresStore(database)
    call = Call("m", "p@1", Usage(80, 20, None))
    first = one.reserve(call, DAY)
    assert isinstance(first, int)
    assert other.reserve(call, DAY) == "wait", "both might cost ten times as much"
    one.settle(first, CallEnd("ok", Usage(10, 5, None), 0.1))
    second = other.reserve(call, DAY)
    assert isinstance(second, int)
    other.settle(second, CallEnd("ok", Usage(900, 5, None), 0.1))
    assert one.reserve(call, DAY) == "spent"
    assert isinstance(one.reserve(call, Budget()), int)


def test_a_call_of_a_process_that_died_holds_nobody_up_for_long(database: Database) -> None:
    store, call = PostgresStore(database), Call("m", "p@1", Usage(80, 20, None), longest=60)
    assert isinstance(store.reserve(call, DAY), int)
    assert store.reserve(call, DAY) == "wait"
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE llm_calls SET called_at = now() - interval '2 minutes'")
    assert isinstance(store.reserve(call, DAY), int)


def test_money_is_counted_as_tokens_are(database: Database) -> None:
    store, call = PostgresStore(database), Call("m", "p@1", Usage(80, 20, 0.01))
    first = store.reserve(call, Budget(cost=0.05))
    assert isinstance(first, int)
    assert store.reserve(call, Budget(cost=0.05)) == "wait"
    store.settle(first, CallEnd("ok", Usage(80, 20, 0.045), 0.1))
    assert store.reserve(call, Budget(cost=0.05)) == "spent"
