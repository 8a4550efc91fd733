// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vGPU of the test double is to VFIO: a PCI function with NVIDIA's ids, one small BAR and a legacy interrupt.
 *
 * Enough for QEMU to realize it and for firmware to enumerate it; no register does anything, and no interrupt is ever
 * raised. Written after the descriptions in include/uapi/linux/vfio.h and Documentation/driver-api/vfio.rst, and the
 * layout of configuration space in the PCI Local Bus Specification 3.0, section 6.1.
 */
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/unaligned.h>

#include "vgpu_vfio.h"

#define REGION_SHIFT 40		/* a region's index lies above its offsets */
#define REGISTERS SZ_64K

static u64 region_size(u64 index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return REGISTERS;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return PCI_CFG_SPACE_SIZE;
	default:
		return 0;
	}
}

static u32 interrupts(u32 index)
{
	return index == VFIO_PCI_INTX_IRQ_INDEX ? 1 : 0;
}

static void reset_config(struct vgpu *vgpu)
{
	u8 *config = vgpu->config;

	mutex_lock(&vgpu->config_lock);
	memset(config, 0, sizeof(vgpu->config));
	put_unaligned_le16(PCI_VENDOR_ID_NVIDIA, config + PCI_VENDOR_ID);
	put_unaligned_le16(vgpu->device_id, config + PCI_DEVICE_ID);
	put_unaligned_le16(PCI_CLASS_DISPLAY_3D, config + PCI_CLASS_DEVICE);
	put_unaligned_le16(PCI_VENDOR_ID_NVIDIA, config + PCI_SUBSYSTEM_VENDOR_ID);
	put_unaligned_le16(vgpu->subsystem_id, config + PCI_SUBSYSTEM_ID);
	config[PCI_REVISION_ID] = 0xa1;
	config[PCI_INTERRUPT_PIN] = 1;
	mutex_unlock(&vgpu->config_lock);
}

/* The bits of a byte of configuration space that a guest may set; the size of BAR 0 follows from those it may not. */
static u8 writable(u64 offset)
{
	switch (offset) {
	case PCI_COMMAND:
		return PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	case PCI_COMMAND + 1:
		return PCI_COMMAND_INTX_DISABLE >> 8;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
		return 0xff;
	case PCI_BASE_ADDRESS_0 ... PCI_BASE_ADDRESS_0 + 3:
		return (u8)(~(REGISTERS - 1) >> 8 * (offset - PCI_BASE_ADDRESS_0));
	default:
		return 0;
	}
}

/* Clip an access to its region; 0 where it lies outside, -EINVAL where there is no such region. */
static ssize_t within(loff_t position, size_t count, u64 *index, u64 *offset)
{
	u64 size;

	*index = (u64)position >> REGION_SHIFT;
	*offset = (u64)position & (BIT_ULL(REGION_SHIFT) - 1);
	size = region_size(*index);
	if (!size)
		return -EINVAL;
	if (*offset >= size)
		return 0;
	return min_t(u64, count, size - *offset);
}

static ssize_t vgpu_read(struct vfio_device *vfio, char __user *buf, size_t count, loff_t *position)
{
	struct vgpu *vgpu = container_of(vfio, struct vgpu, vfio);
	u64 index, offset;
	ssize_t length = within(*position, count, &index, &offset);
	unsigned long left;

	if (length <= 0)
		return length;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		mutex_lock(&vgpu->config_lock);
		left = copy_to_user(buf, vgpu->config + offset, length);
		mutex_unlock(&vgpu->config_lock);
	} else {
		left = clear_user(buf, length);
	}
	if (left)
		return -EFAULT;
	*position += length;
	return length;
}

static ssize_t vgpu_write(struct vfio_device *vfio, const char __user *buf, size_t count, loff_t *position)
{
	struct vgpu *vgpu = container_of(vfio, struct vgpu, vfio);
	u8 bytes[PCI_CFG_SPACE_SIZE];
	u64 index, offset;
	ssize_t length = within(*position, count, &index, &offset), i;

	if (length <= 0)
		return length;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		if (copy_from_user(bytes, buf, length))
			return -EFAULT;
		mutex_lock(&vgpu->config_lock);
		for (i = 0; i < length; i++) {
			u8 mask = writable(offset + i), *byte = &vgpu->config[offset + i];

			*byte = (*byte & ~mask) | (bytes[i] & mask);
		}
		mutex_unlock(&vgpu->config_lock);
	}
	*position += length;
	return length;
}

static long tell_device(void __user *arg)
{
	struct vfio_device_info info;
	const size_t least = offsetofend(struct vfio_device_info, num_irqs);

	if (copy_from_user(&info, arg, least))
		return -EFAULT;
	if (info.argsz < least)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, least) ? -EFAULT : 0;
}

static long tell_region(void __user *arg)
{
	struct vfio_region_info info;
	const size_t least = offsetofend(struct vfio_region_info, offset);

	if (copy_from_user(&info, arg, least))
		return -EFAULT;
	if (info.argsz < least || info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info.size = region_size(info.index);
	info.offset = (u64)info.index << REGION_SHIFT;
	info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	info.cap_offset = 0;
	return copy_to_user(arg, &info, least) ? -EFAULT : 0;
}

static long tell_interrupt(void __user *arg)
{
	struct vfio_irq_info info;
	const size_t least = offsetofend(struct vfio_irq_info, count);

	if (copy_from_user(&info, arg, least))
		return -EFAULT;
	if (info.argsz < least || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.count = interrupts(info.index);
	info.flags = info.count ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED : 0;
	return copy_to_user(arg, &info, least) ? -EFAULT : 0;
}

/* Since none is ever raised, a request that is right in itself is all that can be told from a wrong one. */
static long set_interrupts(void __user *arg)
{
	struct vfio_irq_set set;
	const size_t least = offsetofend(struct vfio_irq_set, count);
	size_t data;

	if (copy_from_user(&set, arg, least))
		return -EFAULT;
	return vfio_set_irqs_validate_and_prepare(&set, interrupts(set.index), VFIO_PCI_NUM_IRQS, &data);
}

static long vgpu_ioctl(struct vfio_device *vfio, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return tell_device((void __user *)arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return tell_region((void __user *)arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return tell_interrupt((void __user *)arg);
	case VFIO_DEVICE_SET_IRQS:
		return set_interrupts((void __user *)arg);
	case VFIO_DEVICE_RESET:
		reset_config(container_of(vfio, struct vgpu, vfio));
		return 0;
	default:
		return -ENOTTY;
	}
}

static int vgpu_init(struct vfio_device *vfio)
{
	mutex_init(&container_of(vfio, struct vgpu, vfio)->config_lock);
	return 0;
}

static void vgpu_release(struct vfio_device *vfio)
{
	vfio_free_device(vfio);
}

/* Nothing is left from an earlier user. */
static int vgpu_open(struct vfio_device *vfio)
{
	struct vgpu *vgpu = container_of(vfio, struct vgpu, vfio);

	reset_config(vgpu);
	WRITE_ONCE(vgpu->opened, true);
	return 0;
}

static void vgpu_close(struct vfio_device *vfio)
{
	WRITE_ONCE(container_of(vfio, struct vgpu, vfio)->opened, false);
}

const struct vfio_device_ops vgpu_vfio_ops = {
	.name = "nvidia-vgpu-double",
	.init = vgpu_init,
	.release = vgpu_release,
	.open_device = vgpu_open,
	.close_device = vgpu_close,
	.read = vgpu_read,
	.write = vgpu_write,
	.ioctl = vgpu_ioctl,
};
