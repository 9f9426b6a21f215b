/* SPDX-License-Identifier: BSD-2-Clause */
/* lwIP's tests include a file of this name and want nothing of it. */
