/* SPDX-License-Identifier: GPL-2.0-only */
/* A vGPU as VFIO shows it to a virtual machine monitor: the part of the test double that QEMU opens. */
#ifndef VGPU_VFIO_H
#define VGPU_VFIO_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/vfio.h>

/* The first member, as vfio_alloc_device() wants it. */
struct vgpu {
	struct vfio_device vfio;
	u16 device_id;			/* what a guest sees; set before the device is registered */
	u16 subsystem_id;
	struct mutex config_lock;
	u8 config[PCI_CFG_SPACE_SIZE];
};

extern const struct vfio_device_ops vgpu_vfio_ops;

#endif
