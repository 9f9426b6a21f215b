/* SPDX-License-Identifier: BSD-2-Clause */
/* Our options, and what lwIP's tests want beside them or instead. */
#ifndef CAPOS_TESTS_LWIP_LWIPOPTS_H
#define CAPOS_TESTS_LWIP_LWIPOPTS_H

#include "stack/lwip/lwipopts.h"

/* Doors that tests look through: counters of the reassembly, static entries of ARP, events of a netif. */
#define LWIP_TESTMODE                  1
#define MIB2_STATS                     1
#define ETHARP_SUPPORT_STATIC_ENTRIES  1
#define LWIP_NETIF_EXT_STATUS_CALLBACK 1
/* The heap's tests free what is not of it, and look at the counter. */
#define LWIP_MEM_ILLEGAL_FREE(msg)
/* 127.0.0.1 is tested. */
#undef LWIP_NETIF_LOOPBACK
#undef LWIP_HAVE_LOOPIF
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_HAVE_LOOPIF    1
/* The DHCP tests count minutes. */
#undef DHCP_COARSE_TIMER_SECS
#define DHCP_COARSE_TIMER_SECS 60
/* Tests of the queue of what came out of order are there only without bounds. */
#undef TCP_OOSEQ_MAX_BYTES
#undef TCP_OOSEQ_MAX_PBUFS
/* Their netif's output is etharp_output, before which nobody chose the next hop. */
#undef LWIP_HOOK_FILENAME
#define LWIP_HOOK_FILENAME "tests/lwip/hooks.h"

#ifdef LWIP_TESTS_SHIPPED_SIZES
/* Our sizes, but for one: more is to be sent than fits a window. */
#undef TCP_SND_BUF
#define TCP_SND_BUF (92 * TCP_MSS)
#else
/* Their arithmetic is written for these sizes: chains of several pbufs, an unscaled window, a first wait of
 * 3 s. */
#undef TCP_MSS
#undef TCP_WND
#undef TCP_SND_BUF
#undef TCP_RCV_SCALE
#undef TCP_SNDLOWAT
#undef TCP_SNDQUEUELOWAT
#undef TCP_SND_QUEUELEN
#undef PBUF_POOL_BUFSIZE
#undef LWIP_TCP_RTO_TIME
#define TCP_MSS          536
#define TCP_WND          (10 * TCP_MSS)
#define TCP_SND_BUF      (12 * TCP_MSS)
#define TCP_RCV_SCALE    0
#define TCP_SND_QUEUELEN 40
#endif

#endif
