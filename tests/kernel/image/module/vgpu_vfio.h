/* SPDX-License-Identifier: GPL-2.0-only */
/* A vGPU as VFIO shows it to a virtual machine monitor: the part of the test double that QEMU opens. */
#ifndef VGPU_VFIO_H
#define VGPU_VFIO_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/vfio.h>

struct gpu_instance;
struct mdev_device;
struct offer;

/* The first member, as vfio_alloc_device() wants it. */
struct vgpu {
	struct vfio_device vfio;
	u16 device_id;			/* what a guest sees; set before the device is registered */
	u16 subsystem_id;
	struct mutex config_lock;
	u8 config[PCI_CFG_SPACE_SIZE];
	bool opened;			/* by whoever runs a guest with it */

	struct list_head list;		/* of its GPU's */
	struct mdev_device *mdev;
	struct offer *offer;
	struct gpu_instance *instance;	/* the one it stands in; NULL for a time-sliced one */
};

extern const struct vfio_device_ops vgpu_vfio_ops;

#endif
