/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the modern windows lie in BAR 4: shared by the registers and by the capabilities that announce them.
 */
#ifndef DM_VIRTIO_MODERN_H
#define DM_VIRTIO_MODERN_H

#define DM_COMMON_OFFSET     0x0000u
#define DM_ISR_OFFSET        0x1000u
#define DM_DEVICE_OFFSET     0x2000u
#define DM_NOTIFY_OFFSET     0x3000u
#define DM_WINDOW_BYTES      0x1000u
#define DM_MODERN_BAR_BYTES  0x4000u
#define DM_NOTIFY_MULTIPLIER 4u
#define DM_NOTIFY_OFF_BEYOND 0x4000u /* hostile: times the multiplier it leaves the notify window */

#endif
