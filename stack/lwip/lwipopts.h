/* SPDX-License-Identifier: BSD-2-Clause */
/* lwIP's options: what netd has of it, and how much of each. What is not named here is lwIP's own default.
 *
 * Memory, all of it static, in KiB: frames 1,024 x 1,544 = 1,544; heap 1,024; segments 2,048 x 40 = 80;
 * headers of pbufs 512 x 24 = 12; TCP connections 248 x 300 = 73; the rest below 20. Together 2.7 MiB. What
 * is used up is refused and counted, and comes back when it is given back. */
#ifndef CAPOS_STACK_LWIP_LWIPOPTS_H
#define CAPOS_STACK_LWIP_LWIPOPTS_H

/* One thread that calls in, hands frames in and lets timers run; callbacks only. */
#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0

#define LWIP_IPV4 1
#define LWIP_IPV6 0
/* What came for another host is dropped, never sent on. */
#define IP_FORWARD          0
#define LWIP_AUTOIP         0
#define LWIP_IGMP           0
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_HAVE_LOOPIF    0
/* The number that is usual; a distance of 255 says which stack this is and helps nobody. */
#define IP_DEFAULT_TTL 64

/* Memory. */
#define MEM_ALIGNMENT 8
/* Bytes to be sent, headers, copies of frames that wait for a neighbour's address. */
#define MEM_SIZE (1024 * 1024)
/* A pool buffer holds the largest frame, 1,514 bytes, so that what came is one piece. */
#define PBUF_POOL_SIZE    1024
#define PBUF_POOL_BUFSIZE 1520
/* Frames may stay where the card put them. */
#define LWIP_SUPPORT_CUSTOM_PBUF 1
/* Pieces sent without a copy. */
#define MEMP_NUM_PBUF 512

/* Ethernet and ARP. A full table drops its oldest entry; three frames wait for one address. */
#define ARP_TABLE_SIZE     64
#define ARP_QUEUEING       1
#define ARP_QUEUE_LEN      3
#define MEMP_NUM_ARP_QUEUE 64

/* Datagrams in pieces: one of 64 KiB is 45, so the bound is one whole one and a few pieces of others. The
 * oldest goes when it is reached, and each after 15 seconds. */
#define IP_REASSEMBLY      1
#define IP_REASS_MAX_PBUFS 48
#define IP_REASS_MAXAGE    15
#define MEMP_NUM_REASSDATA 8
#define IP_FRAG            1
#define MEMP_NUM_FRAG_PBUF 64

/* Ping: answered when it is for us alone, and sent. */
#define LWIP_ICMP           1
#define LWIP_BROADCAST_PING 0
#define LWIP_MULTICAST_PING 0
#define LWIP_RAW            1
#define MEMP_NUM_RAW_PCB    4

/* UDP: 32 sockets, DHCP's, one for each question to DNS. */
#define LWIP_UDP         1
#define MEMP_NUM_UDP_PCB (32 + 1 + DNS_TABLE_SIZE)

/* DNS: an answer must name a random number and come to a random port, and no name is asked twice at once
 * (RFC 5452). */
#define LWIP_DNS        1
#define DNS_TABLE_SIZE  8
#define DNS_MAX_SERVERS 3
#define LWIP_DNS_SECURE                                                                                      \
    (LWIP_DNS_SECURE_RAND_XID | LWIP_DNS_SECURE_NO_MULTIPLE_OUTSTANDING | LWIP_DNS_SECURE_RAND_SRC_PORT)

/* DHCP. The check of an offered address by ARP is compiled in; whether it is made before the address is used,
 * after, or not, is chosen while it runs (enum lease_check). */
#define LWIP_DHCP                1
#define LWIP_ACD                 1
#define LWIP_DHCP_DOES_ACD_CHECK 1
/* Leases are kept to the second, lwIP's own minute would let a short one run on; seconds need the wider type.
 * ARP has a timer of a second anyway. */
#define DHCP_COARSE_TIMER_SECS 1
#define DHCP_TIMEOUT_SIZE_T    u32_t
/* All of a lease counts: lwIP's own would end each after 65,535 seconds. The rest of these is as lwIP has it,
 * for its own tests as well, which count minutes. */
#define DHCP_DEFINE_CUSTOM_TIMEOUTS
#define DHCP_ROUND                                         (DHCP_COARSE_TIMER_SECS / 2u)
#define DHCP_TICKS(offered)                                (((offered) + DHCP_ROUND) / DHCP_COARSE_TIMER_SECS)
#define DHCP_SECONDS(offered)                              LWIP_MAX(DHCP_TICKS(offered), 1u)
#define DHCP_SET_TIMEOUT_FROM_OFFERED_T0_LEASE(out, dhcp)  ((out) = DHCP_SECONDS((dhcp)->offered_t0_lease))
#define DHCP_SET_TIMEOUT_FROM_OFFERED_T1_RENEW(out, dhcp)  ((out) = DHCP_SECONDS((dhcp)->offered_t1_renew))
#define DHCP_SET_TIMEOUT_FROM_OFFERED_T2_REBIND(out, dhcp) ((out) = DHCP_SECONDS((dhcp)->offered_t2_rebind))
#define DHCP_NEXT_TIMEOUT_THRESHOLD                        60
#define DHCP_REQUEST_BACKOFF_SEQUENCE(tries)               (u16_t)(((tries) < 6 ? 1 << (tries) : 60) * 1000)
/* The lease of a netif (stack/netd/lease.h) is its one client datum. */
#define LWIP_NUM_NETIF_CLIENT_DATA 1
#define LWIP_NETIF_STATUS_CALLBACK 1

/* TCP. 1,460 is what Ethernet carries; a smaller MTU of the link makes it smaller for each connection. */
#define LWIP_TCP 1
#define TCP_MSS  1460
/* 90 segments, 128 KiB: at 744 Mbit/s they last 1.4 ms, several turns of the processes between wire and
 * application on an emulated machine. Above 64 KiB the window is scaled, in units of 4 (2 bits). 64
 * connections whose readers all sleep could ask for 8 MiB: the pool is the bound, not the sum of the windows.
 */
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE  2
#define TCP_WND        (90 * TCP_MSS)
#define TCP_SND_BUF    (90 * TCP_MSS)
/* Pieces of the above: small writes are joined, so two for each segment are plenty. */
#define TCP_SND_QUEUELEN 192
/* The numbers that lwIP derives for its socket layer would not fit its own check. */
#define TCP_SNDLOWAT      (20 * TCP_MSS)
#define TCP_SNDQUEUELOWAT 64
#define MEMP_NUM_TCP_SEG  2048
/* As many as netd has objects (88), half open ones (NETD_HALF_OPEN, 128), and 32 that nobody holds any more
 * and that close. Those that close are bounded by nothing else, so they may take the places of the others:
 * when all are taken lwIP ends, in this order, the oldest that waits its time out, one that closes, one of
 * lower priority than the newcomer's, and there always is one. */
#define MEMP_NUM_TCP_PCB (88 + 128 + 32)
/* Listeners have places of their own, so that no flood of connections can take them. */
#define MEMP_NUM_TCP_PCB_LISTEN 16
/* lwIP counts half open connections and those that no accept took as one; netd bounds them apart
 * (stack/netd/half_open.c), and lwIP's bound is only above both. */
#define TCP_LISTEN_BACKLOG         1
#define TCP_DEFAULT_LISTEN_BACKLOG 255
/* lwIP's own, and the most that it allows: with the waits doubled up to 128 times the first one a silent peer
 * is given up after a quarter of an hour (RFC 9293, 3.8.3 asks for 100 seconds at least). Where every fifth
 * frame is lost either way so many tries in a row fail once in some hundred thousand losses. */
#define TCP_MAXRTX 12
/* What arrives out of order is kept, up to a window and one pbuf more than its segments are; the sender
 * learns by SACK what is missing. When the pool is empty all of it is given up first. */
#define TCP_QUEUE_OOSEQ     1
#define TCP_OOSEQ_MAX_BYTES TCP_WND
#define TCP_OOSEQ_MAX_PBUFS 91
#define LWIP_TCP_SACK_OUT   1
/* Times are set for each connection. */
#define LWIP_TCP_KEEPALIVE 1
/* Of no use here: lwIP measures no round trips by them and refuses nothing by them; they cost 12 bytes a
 * segment and tell everyone how long the system has been up. */
#define LWIP_TCP_TIMESTAMPS 0
/* First wait for an answer: RFC 6298, 2.1 (lwIP's own is 3 seconds). */
#define LWIP_TCP_RTO_TIME 1000

/* All checksums in software, over our own sum. */
#define CHECKSUM_GEN_IP     1
#define CHECKSUM_GEN_UDP    1
#define CHECKSUM_GEN_TCP    1
#define CHECKSUM_GEN_ICMP   1
#define CHECKSUM_CHECK_IP   1
#define CHECKSUM_CHECK_UDP  1
#define CHECKSUM_CHECK_TCP  1
#define CHECKSUM_CHECK_ICMP 1

/* lwIP's timers, and four of netd's. */
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 4)

/* Counters, 32 bits each; nothing prints them. */
#define LWIP_STATS         1
#define LWIP_STATS_LARGE   1
#define LWIP_STATS_DISPLAY 0

/* A listener opened anew does not wait for the connections of the one before to wait out their time. */
#define SO_REUSE            1
#define LWIP_NETIF_HOSTNAME 1

#define LWIP_HOOK_FILENAME "hooks.h"

#endif
