"""Fills a library with users, groups, members and shares, as SQL can: for `bench/accounts.mjs`.

people.py DATABASE SCALE: DATABASE is a file of SQLite or a URL of PostgreSQL, SCALE the number of users. There is a group for every ten
users, and there are ten shares for every user.
"""

import io
import random
import sqlite3
import subprocess
import sys
import uuid

OWNER = "demo@localhost"
NOW = "2026-11-23T00:00:00+00:00"
SHARES_OF_USER = 10
USERS_OF_GROUP = 10

database, users = sys.argv[1], int(sys.argv[2])
is_postgres = database.startswith("postgres")
chance = random.Random(1)


def new_id(number: int) -> uuid.UUID:
    """A UUIDv7, sorted by the number."""
    return uuid.UUID(int=((0x019A_B000_0000 + number) << 80) | (7 << 76) | (2 << 62) | chance.getrandbits(62))


def query(sql: str) -> list[uuid.UUID]:
    if is_postgres:
        text = subprocess.run(["psql", "-qtAX", database, "-c", sql], check=True, capture_output=True, text=True).stdout
        return [uuid.UUID(line) for line in text.split()]
    with sqlite3.connect(database) as conn:
        return [uuid.UUID(bytes=row[0]) for row in conn.execute(sql)]


def insert(table: str, columns: list[str], rows: list[list]) -> None:
    if is_postgres:
        text = io.StringIO()
        for row in rows:
            text.write("\t".join("\\N" if value is None else str(value) for value in row) + "\n")
        copy = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        subprocess.run(["psql", "-qX", database, "-c", copy], input=text.getvalue(), check=True, text=True)
        return
    values = [[value.bytes if isinstance(value, uuid.UUID) else value for value in row] for row in rows]
    with sqlite3.connect(database) as conn:
        places = ", ".join("?" * len(columns))
        conn.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", values)


(owner,) = query(f"SELECT id FROM \"user\" WHERE email = '{OWNER}'")
# As many images as users: each has ten shares, whatever the scale.
images = query(f"SELECT id FROM image WHERE status = 'completed' ORDER BY created_at DESC LIMIT {users}")
people = [new_id(number) for number in range(users)]
false = "false" if is_postgres else 0
insert(
    '"user"',
    ["id", "email", "display_name", "is_admin", "created_at", "rights_revision"],
    [[one, f"user{at:06}@example.com", f"User {at}", false, NOW, 0] for at, one in enumerate(people)],
)
groups = [new_id(number) for number in range(max(users // USERS_OF_GROUP, 1))]
insert(
    "user_group",
    ["id", "name", "permissions", "created_at"],
    [[one, f"group {at:04}", "", NOW] for at, one in enumerate(groups)],
)
insert(
    "group_member",
    ["user_id", "group_id"],
    [[one, groups[at % len(groups)]] for at, one in enumerate(people)],
)
# Everybody has nine by their address and ten by their group, and every image has ten, whatever the scale: chance only chooses which.
deck = images * SHARES_OF_USER
chance.shuffle(deck)
shares, seen = [], set()
for at in range(users * SHARES_OF_USER):
    turn, place = divmod(at, SHARES_OF_USER)
    group = groups[turn % len(groups)] if place == 0 else None
    email = None if group else f"user{turn:06}@example.com"
    while (deck[at], group, email) in seen:
        other = chance.randrange(at, len(deck))
        deck[at], deck[other] = deck[other], deck[at]
    seen.add((deck[at], group, email))
    shares.append([new_id(at), deck[at], email, group, "edit" if at % 3 == 0 else "view", owner, NOW])
chance.shuffle(shares)
insert("share", ["id", "image_id", "email", "group_id", "access", "shared_by", "created_at"], shares)
print(f"{len(people)} users, {len(groups)} groups, {len(shares)} shares", file=sys.stderr)
