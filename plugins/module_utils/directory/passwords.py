# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""First passwords: four words that a child can type, and two digits; about 37 bits of entropy."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence

from .model import User

LENGTH = 12
_TEXT = """
acorn amber apple april arrow atlas autumn badge badger baker bamboo banjo basil basket beach beacon
beaver berry birch bison blanket bottle branch breeze brick bridge bronze brook bucket butter button cabin
cable cactus camel candle canoe canvas carbon carpet carrot castle cedar cello chalk cherry chess circle
circus citrus clay clever cliff clock cloud clover cobalt cocoa comet compass copper coral corner cotton
crater crayon cricket crystal cuckoo curtain daisy dancer delta desert diamond dolphin domino dragon drum
eagle earth easel echo elbow ember engine fabric falcon feather fern ferry fiddle field finch flag flame
flute forest fossil fountain galaxy garden garnet gentle giant ginger glacier globe golden granite grape
guitar hammer harbor harp harvest hazel heron hiker hill honey horizon igloo indigo island ivory ivy
jacket jaguar jasmine jigsaw jungle juniper kayak kettle kite kiwi ladder lagoon lantern lemon lentil
library lilac lily lime lizard lotus lunar magnet mango maple marble marina meadow melon meteor mint
mirror mosaic motor mountain muffin music napkin nectar needle nickel north nutmeg oasis ocean olive onion
opal orange orbit orchard otter paddle panda paper parrot pebble pencil penguin pepper piano picnic pillow
pilot planet plum pocket polar pollen pony poppy prism pumpkin puzzle quartz rabbit radio radish rainbow
raven river robin rocket saddle saffron sailor salmon sandal satin scarlet shadow silver skater sparrow
spice spiral spruce squash stable star stone summer sunset table tango teapot temple thunder ticket tiger
timber tomato topaz tractor trumpet tulip tunnel turtle valley velvet violet walnut walrus water willow
window winter wizard yellow zebra zenith zipper
"""
_WORDS = tuple(_TEXT.split())
_TOKENS = re.compile(r"[\W_]+")
Choose = Callable[[Sequence[str]], str]


def generate(user: User, choose: Choose = secrets.choice) -> str:
    """A password such as Maple-otter-tango-river-47, without a part of the user's own names."""
    while True:
        password = (
            "-".join(choose(_WORDS) for _word in range(4)).capitalize()
            + f"-{choose(_DIGITS)}{choose(_DIGITS)}"
        )
        if len(password) >= LENGTH and not contains_name(password, user):
            return password


_DIGITS = "23456789"


def contains_name(password: str, user: User) -> bool:
    """Whether AD would refuse the password: it has the username or a word of the display name."""
    tokens = {user.username, *_TOKENS.split(user.display_name), *_TOKENS.split(user.username)}
    text = password.casefold()
    return any(len(token) >= 3 and token.casefold() in text for token in tokens)
