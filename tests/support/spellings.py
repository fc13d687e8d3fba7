"""One IPv4 address in many spellings: as sockets write it, and as a URL's host may have it."""

from __future__ import annotations

import ipaddress


def equal_forms(address: str) -> list[str]:
    """The forms in which a socket is given the very same address."""
    number = int(ipaddress.IPv4Address(address))
    low = f"{number >> 16:x}:{number & 0xFFFF:x}"
    return [
        address,
        f"::ffff:{address}",
        f"::FFFF:{low}",
        f"0:0:0:0:0:ffff:{low}",
        f"::ffff:{low}%eth0",
    ]


def host_spellings(address: str) -> list[str]:
    """Hosts of URLs that some look-up or parser takes for the address, the plain one first."""
    number = int(ipaddress.IPv4Address(address))
    first, second, third, fourth = number.to_bytes(4, "big")
    low = number & 0xFF_FFFF
    return [
        address,
        f"{address}.",
        f"{number}",
        f"{number}.",
        f"0{number:o}",
        f"0x{number:x}",
        f"0X{number:X}",
        f"0x{number:016x}",
        f"{first}.{low}",
        f"0x{first:x}.{low}",
        f"{first}.{second}.{low & 0xFFFF}",
        f"0{first:o}.0{second:o}.0{third:o}.0{fourth:o}",
        f"0000{first:o}.{second}.{third}.{fourth}",
        f"0x{first:x}.{second}.0{third:o}.{fourth}",
        "".join(f"%{ord(each):02x}" for each in address),
        address.replace(".", "%2E"),
        address.replace(".", "\N{IDEOGRAPHIC FULL STOP}"),
        address.replace(".", "\N{FULLWIDTH FULL STOP}"),
        address.replace(".", "\N{HALFWIDTH IDEOGRAPHIC FULL STOP}"),
        address.translate({ord("0") + n: ord("\N{FULLWIDTH DIGIT ZERO}") + n for n in range(10)}),
        f"{address[0]}\N{SOFT HYPHEN}{address[1:]}",
        f"{address}\N{ZERO WIDTH SPACE}",
        f"{address[0]}\N{VARIATION SELECTOR-16}{address[1:]}",
    ]
