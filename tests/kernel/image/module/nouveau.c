// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stand-in for nouveau: it binds NVIDIA's VGA functions, and does nothing with them.
 *
 * What is tried with it is the kernel's: which driver gets a function, when its module is loaded (from the initramfs,
 * by udev, by name), what a blacklist and driver_override change about that, and what unbinding leaves.
 */
#include <linux/module.h>
#include <linux/pci.h>

static int nouveau_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return pcim_enable_device(pdev);
}

/* By class, as the real one does for most boards; the A100 is a 3D controller and none of it. */
static const struct pci_device_id nouveau_ids[] = {
	{
		.vendor = PCI_VENDOR_ID_NVIDIA, .device = PCI_ANY_ID,
		.subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID,
		.class = PCI_CLASS_DISPLAY_VGA << 8, .class_mask = 0xffff00,
	},
	{ }
};
MODULE_DEVICE_TABLE(pci, nouveau_ids);

static struct pci_driver nouveau_driver = {
	.name = "nouveau",
	.id_table = nouveau_ids,
	.probe = nouveau_probe,
};
module_pci_driver(nouveau_driver);

MODULE_DESCRIPTION("Stand-in for nouveau on gpucarve's kernel bench");
MODULE_LICENSE("GPL");
