/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs and kernel are compiled against apart: sizes, offsets and numbers of the ABI, written out. A
 * change here is a new RING_VERSION or STARTUP_VERSION. */
#include <criterion/criterion.h>
#include <stddef.h>

#include "abi/methods.h"
#include "abi/ring.h"
#include "abi/startup.h"
#include "kernel/core/owner.h"

#define at(type, field, offset) cr_assert_eq(offsetof(struct type, field), offset, #type "." #field)

Test(abi, a_submission)
{
    cr_assert_eq(sizeof(struct ring_submission), 64);
    at(ring_submission, user, 0);
    at(ring_submission, opcode, 8);
    at(ring_submission, flags, 9);
    at(ring_submission, method, 10);
    at(ring_submission, result, 12);
    at(ring_submission, reserved, 14);
    at(ring_submission, cap, 16);
    at(ring_submission, args, 24);
    at(ring_submission, extra, 48);
    at(ring_submission, offset, 56);
    at(ring_submission, length, 60);
}

Test(abi, a_completion)
{
    cr_assert_eq(sizeof(struct ring_completion), 32);
    at(ring_completion, user, 0);
    at(ring_completion, status, 8);
    at(ring_completion, exception, 9);
    at(ring_completion, result, 10);
    at(ring_completion, inbox, 12);
    at(ring_completion, value, 16);
    at(ring_completion, cap, 24);
}

Test(abi, a_received_call)
{
    cr_assert_eq(sizeof(struct ring_received), 64);
    at(ring_received, token, 0);
    at(ring_received, badge, 8);
    at(ring_received, method, 16);
    at(ring_received, interface, 18);
    at(ring_received, args, 24);
    at(ring_received, cap, 48);
}

Test(abi, the_ring_page)
{
    cr_assert_eq(sizeof(struct ring_page), 4096);
    cr_assert(RING_SUBMISSIONS == 16 && RING_COMPLETIONS == 32 && RING_INBOX == 16);
    at(ring_page, submissions, 64);
    at(ring_page, completions, 64 + 1024);
    at(ring_page, inbox, 64 + 1024 + 1024);
    at(ring_header, version, 0);
    at(ring_header, submissions, 4);
    at(ring_header, completions, 6);
    at(ring_header, inbox, 8);
    at(ring_header, submit_head, 12);
    at(ring_header, submit_tail, 16);
    at(ring_header, complete_head, 20);
    at(ring_header, complete_tail, 24);
    at(ring_header, now_ns, 32);
    cr_assert_eq(sizeof(struct ring_header), 64);
}

Test(abi, the_start_up_page)
{
    cr_assert_eq(sizeof(struct startup_grant), 40);
    at(startup_grant, cap, 24);
    at(startup_grant, interface, 32);
    at(startup_page, name, 8);
    at(startup_page, ring, 32);
    at(startup_page, cap_enter, 40);
    at(startup_page, exit, 48);
    at(startup_page, grant_count, 56);
    at(startup_page, text_bytes, 60);
    at(startup_page, grants, 64);
    at(startup_page, text, 64 + 32 * 40);
    cr_assert_eq(sizeof(struct startup_page), 64 + 32 * 40 + 512);
}

Test(abi, records_in_ranges)
{
    cr_assert_eq(sizeof(struct spawn_request), 544);
    cr_assert_eq(sizeof(struct spawn_grant), 40);
    cr_assert_eq(sizeof(struct process_info), 72);
    cr_assert_eq(sizeof(struct cap_line), 16);
    cr_assert_eq(sizeof(struct cap_id), 8);
}

Test(abi, numbers_do_not_move)
{
    cr_assert(RING_NOP == 1 && RING_CALL == 2 && RING_RECV == 3 && RING_RETURN == 4 && RING_RELEASE == 5);
    cr_assert(RING_EXTRA_COPY == 1 && RING_EXTRA_MOVE == 2 && RING_EXTRA_RANGE == 4);
    cr_assert(RING_E_OPCODE == 1 && RING_E_CANCELLED == 10 && RING_STATUS_COUNT == 11);
    cr_assert(CAP_IF_DEVICE == 1 && CAP_IF_MEMORY == 10 && CAP_IF_PROCESS == 15 && CAP_IF_ENTROPY == 21);
    cr_assert(CAP_IF_INVENTORY == 22 && CAP_IF_AUDIT_NOTE == 23 && CAP_IF_POWER == 24 && CAP_IF_NIC == 25);
    cr_assert(CAP_IF_SUPERVISOR == 26 && CAP_IF_NIC_STATUS == 27 && CAP_IF_NETWORK_MANAGER == 28);
    cr_assert(CAP_IF_TCP_LISTEN_AUTHORITY == 29 && CAP_IF_TCP_LISTENER == 30 && CAP_IF_TCP_SOCKET == 31);
    cr_assert(CAP_IF_UDP_SOCKET == 32 && CAP_IF_LOGIN == 33);
    cr_assert(CAP_IF_TERMINALS == 34 && CAP_IF_TERMINAL == 35 && CAP_IF_TERMINAL_MAKER == 36);
    cr_assert(CAP_IF_NETWORK_STATUS == 37 && CAP_IF_TCP_CONNECT_AUTHORITY == 38);
    cr_assert(CAP_IF_SUPERVISOR_STATUS == 39 && CAP_IF_STARTER == 40 && CAP_IF_STREAM == 41);
    cr_assert(PROCESS_EXITED == 1 && PROCESS_KILLED == 2 && PROCESS_FAULTED == 3);
    cr_assert(SYS_E_NO_MEMORY == 1 && SYS_E_AGAIN == 8);
}
