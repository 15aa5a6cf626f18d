"""What hosts may answer under the key `fitsom`: any JSON, and JSON that is nearly as it should be."""

from hypothesis import strategies as st

from fitsom_runner.facts import PackageAction, Severity

PARTS = (
    "packages",
    "services",
    "reboot",
    "checks",
    "objects",
    "findings",
    "facts",
    "undone",
    "expiring",
    "notes",
)
KEYS = (
    "name",
    "arch",
    "from",
    "to",
    "action",
    "security",
    "origin",
    "advisories",
    "released",
    "before",
    "after",
    "required",
    "planned",
    "done",
    "reasons",
    "seconds",
    "ok",
    "detail",
    "kind",
    "id",
    "group",
    "what",
    "severity",
    "ci",
    "evidence",
    "do",
    "rule",
    "owner",
    "reason",
    "change",
    "expires",
    "file",
    "days",
)
ITEM_KEYS = (
    "system",
    "support",
    "lts",
    "hardware",
    "serial",
    "last_boot",
    "filesystems",
    "mount",
    "free_mb",
    "used_percent",
    "name",
    "kernel",
)

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 1e308])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["2026-11-02", "2026-13-45", "\x00", "\ud800", "x" * 10_001, *PackageAction, *Severity])
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
row = st.dictionaries(st.sampled_from(KEYS), anything, max_size=10)
item = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ITEM_KEYS), inner, max_size=6)
    ),
)
observed = st.dictionaries(st.sampled_from(["configuration_item", "security_updates", "x"]), item, max_size=3)
part = st.lists(row | anything, max_size=4) | row | observed | st.lists(observed, max_size=2) | anything
answers = anything | st.dictionaries(st.sampled_from(PARTS) | st.text(max_size=8), part, max_size=6)
