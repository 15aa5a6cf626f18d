"""The fields of a request for change, named once: options of `fitsom change new`, headings that people read. Pure.

Their types are in draft.RfcDraft, their columns in models.Change; a test compares the three.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field: of the file, of the record, and, with hyphens, the option.

    heading: what people read above it, empty where it is not part of the RfC's text. is_option: a requester may set it.
    """

    name: str
    heading: str = ""
    help: str = ""
    repeatable: bool = False
    is_option: bool = True


# In the order of the options; those with a heading in the order in which FITS prints them.
FIELDS = (
    Field(name="title", heading="Title"),
    Field(name="type", help="minor, major or emergency."),
    Field(name="playbook", help="Such as playbooks/patch.yml."),
    Field(name="backout_playbook", help="The playbook that takes it back."),
    Field(
        name="limit", help="Which hosts: a pattern of the inventory. Default: every host that a play is for."
    ),
    Field(name="tags", help="Only tasks with these tags; may be repeated.", repeatable=True),
    Field(name="skip_tags", help="No task with these tags; may be repeated.", repeatable=True),
    Field(name="item_name", heading="Item"),
    Field(name="item_location", heading="Location of the item"),
    Field(name="asset_tag", heading="Asset tag"),
    Field(name="change_text", heading="Change"),
    Field(name="reason", heading="Reason"),
    Field(name="effect_of_not_changing", heading="Effect of not changing"),
    Field(name="implementation_steps", heading="Implementation steps, with tests"),
    Field(name="impact", heading="Impact of the change"),
    Field(name="failure_impact", heading="Impact of failure"),
    Field(name="failure_risk", heading="Risk of failure", help="low, medium or high"),
    Field(name="risk_evidence", heading="Evidence for the risk"),
    Field(name="backout", heading="Back-out"),
    Field(
        name="backout_class",
        heading="Back-out class",
        help="reversible, restore_from_backup or forward_only",
    ),
    Field(name="communication", heading="Who is informed, and when"),
    Field(name="test_evidence", heading="Test evidence", is_option=False),
    Field(name="implementer", help="Who does it; default: the requester."),
    Field(name="incidents", help="An incident that it resolves; may be repeated.", repeatable=True),
    Field(name="problems", help="A problem that it resolves; may be repeated.", repeatable=True),
    Field(name="configuration_items", help="A configuration item; may be repeated.", repeatable=True),
)
RFC_FIELDS = {field.name: field.heading for field in FIELDS if field.heading}
