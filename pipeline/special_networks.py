"""Where no request may go, as data: networks and ports, each with the rule's name and its reason.

An explicit table, since `ipaddress.is_global` calls many special addresses global (NAT64, 6to4,
multicast, Azure's host services …). It is the union of what the strictest of our peers refuse and
the IANA special-purpose registries (RFC 6890). The first row that holds an address names its rule.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Special:
    """A network that is refused: `rule` is what logs, metrics and users see, `use` the reason."""

    rule: str
    network: Network
    use: str

    @property
    def why(self) -> str:
        """The reason as a sentence, which names the network."""
        if self.network.prefixlen in (0, self.network.max_prefixlen):
            return f"it is for {self.use}"
        return f"{self.network} is for {self.use}"


# (rule, network, use): single addresses first, so that they are not named after their network.
SPECIAL: Final = tuple(
    Special(rule, ipaddress.ip_network(network), use)
    for rule, network, use in (
        ("metadata", "168.63.129.16/32", "Azure's host services"),
        ("metadata", "169.254.169.254/32", "instance metadata and credentials of most clouds"),
        ("metadata", "169.254.170.2/32", "task credentials of Amazon ECS"),
        ("metadata", "169.254.170.23/32", "pod credentials of Amazon EKS"),
        ("metadata", "100.100.100.200/32", "Alibaba's instance metadata"),
        ("metadata", "192.0.0.192/32", "Oracle's instance metadata"),
        ("metadata", "fd00:ec2::254/128", "Amazon's instance metadata"),
        ("metadata", "fd00:ec2::23/128", "pod credentials of Amazon EKS"),
        ("metadata", "fd20:ce::254/128", "Google's instance metadata"),
        ("unspecified", "0.0.0.0/8", "this host on this network, RFC 791"),
        ("private", "10.0.0.0/8", "private networks, RFC 1918"),
        ("shared", "100.64.0.0/10", "carriers' shared space, RFC 6598"),
        ("loopback", "127.0.0.0/8", "this machine itself"),
        ("link_local", "169.254.0.0/16", "neighbours on the link, RFC 3927"),
        ("private", "172.16.0.0/12", "private networks, RFC 1918"),
        ("reserved", "192.0.0.0/24", "IETF protocol assignments, RFC 6890"),
        ("documentation", "192.0.2.0/24", "examples, RFC 5737"),
        ("6to4", "192.88.99.0/24", "the relays of 6to4, RFC 7526"),
        ("private", "192.168.0.0/16", "private networks, RFC 1918"),
        ("benchmark", "198.18.0.0/15", "measurements of devices, RFC 2544"),
        ("documentation", "198.51.100.0/24", "examples, RFC 5737"),
        ("documentation", "203.0.113.0/24", "examples, RFC 5737"),
        ("multicast", "224.0.0.0/4", "groups of hosts, RFC 5771"),
        ("broadcast", "255.255.255.255/32", "all hosts of the link"),
        ("reserved", "240.0.0.0/4", "reserved for later use, RFC 1112"),
        ("unspecified", "::/128", "hosts that have no address yet"),
        ("loopback", "::1/128", "this machine itself"),
        ("compatible", "::/96", "IPv4-compatible addresses, RFC 4291"),
        ("translated", "::ffff:0:0:0/96", "IPv4-translated addresses, RFC 2765"),
        # Behind a translator lies an IPv4 address: its own verdict comes first, see `egress`.
        ("nat64", "64:ff9b::/96", "translation to IPv4, RFC 6052"),
        ("nat64", "64:ff9b:1::/48", "translation to IPv4 within a site, RFC 8215"),
        ("discard", "100::/64", "packets to be discarded, RFC 6666"),
        ("teredo", "2001::/32", "Teredo tunnels, RFC 4380"),
        ("reserved", "2001::/23", "IETF protocol assignments, RFC 2928"),
        ("documentation", "2001:db8::/32", "examples, RFC 3849"),
        ("6to4", "2002::/16", "6to4 tunnels, RFC 3056"),
        ("documentation", "3fff::/20", "examples, RFC 9637"),
        ("segment_routing", "5f00::/16", "segment routing, RFC 9602"),
        ("private", "fc00::/7", "unique local addresses, RFC 4193"),
        ("link_local", "fe80::/10", "neighbours on the link, RFC 4291"),
        ("site_local", "fec0::/10", "the former site-local addresses, RFC 3879"),
        ("multicast", "ff00::/8", "groups of hosts, RFC 4291"),
    )
)

# All that was ever handed out for use on the Internet; what lies outside is special or reserved,
# and some of it is in use for networks of somebody's own (Yggdrasil takes 200::/7).
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_OUTSIDE: Final = Special(
    "reserved", ipaddress.IPv6Network("::/0"), "later use: the Internet has 2000::/3 only"
)

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

# No webhook is received there, and a line of a request can pass for a command of some of these
# protocols. Most of them are refused by browsers too (fetch.spec.whatwg.org, "bad port").
FORBIDDEN_PORTS: Final = {
    **dict.fromkeys((1, 7, 9, 11, 13, 15, 17, 19, 37), "small services of old, such as echo"),
    **dict.fromkeys((20, 21, 69, 989, 990), "file transfer (FTP, TFTP)"),
    22: "SSH",
    **dict.fromkeys((23, 992), "Telnet"),
    **dict.fromkeys((25, 465, 587, 2525), "mail submission (SMTP), which would send spam"),
    **dict.fromkeys((43, 79, 113), "whois, finger, ident"),
    **dict.fromkeys((53, 853), "DNS"),
    **dict.fromkeys((109, 110, 143, 993, 995), "mailboxes (POP, IMAP)"),
    **dict.fromkeys((111, 2049), "NFS and its port mapper"),
    **dict.fromkeys((119, 563), "news (NNTP)"),
    **dict.fromkeys((88, 389, 464, 636), "Kerberos, LDAP"),
    **dict.fromkeys((135, 137, 138, 139, 445), "Windows file sharing and its services"),
    **dict.fromkeys((161, 162, 514), "SNMP, syslog"),
    **dict.fromkeys((512, 513, 515, 631), "remote shells, printers"),
    873: "rsync",
    **dict.fromkeys((1433, 1434), "SQL Server"),
    1521: "Oracle Database",
    **dict.fromkeys((2181, 2888, 3888), "ZooKeeper"),
    **dict.fromkeys((2375, 2376), "the Docker daemon"),
    **dict.fromkeys((2379, 2380), "etcd"),
    **dict.fromkeys((3306, 33060), "MySQL"),
    3389: "remote desktops (RDP)",
    5432: "PostgreSQL",
    **dict.fromkeys((5060, 5061), "telephony (SIP)"),
    **dict.fromkeys((5671, 5672), "AMQP brokers"),
    5900: "remote desktops (VNC)",
    **dict.fromkeys((6000, 6063), "the X window system"),
    **dict.fromkeys((6379, 6380, 16379, 26379), "Redis"),
    **dict.fromkeys((6665, 6666, 6667, 6668, 6669, 6697), "IRC"),
    **dict.fromkeys((7000, 7001, 9042), "Cassandra"),
    **dict.fromkeys((9092, 9093, 9094), "Kafka brokers"),
    **dict.fromkeys((9200, 9300), "Elasticsearch"),
    **dict.fromkeys((10250, 10255), "the Kubernetes kubelet"),
    11211: "memcached",
    **dict.fromkeys((27017, 27018, 27019), "MongoDB"),
}


def special(ip: Address) -> Special | None:
    """The first row that holds an address; None when a request may go there."""
    for row in SPECIAL:
        if ip.version == row.network.version and ip in row.network:
            return row
    is_outside = isinstance(ip, ipaddress.IPv6Address) and ip not in _GLOBAL_UNICAST
    return _OUTSIDE if is_outside else None
