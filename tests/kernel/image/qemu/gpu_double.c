// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gpu-double: a PCI Express function that looks like a GPU, or a companion of one, to the guest's PCI core.
 *
 * A test double, no emulation: its registers read as zero and its memory is not there. What is real is
 * everything the kernel's PCI core, IOMMU code and vfio look at: identity, BARs, MSI, function level reset, ARI and
 * an SR-IOV capability whose virtual functions come and go with the VF Enable bit.
 *
 * The file is built as a shared object and preloaded into the distribution's QEMU, where it registers two types by
 * the ordinary type_init constructor; the object must be built with the headers of that same QEMU version.
 *
 * Snapshots: QEMU 7.2 makes VFs as devices when the guest sets VF Enable and saves none of that. Here the PF's
 * post_load makes them again from the loaded configuration space, before their own saved sections are read
 * (sections come in the order the devices were made, PF first), so savevm works with VFs enabled.
 */
#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"

#define TYPE_GPU_DOUBLE "gpu-double"
#define TYPE_GPU_DOUBLE_VF "gpu-double-vf"
OBJECT_DECLARE_SIMPLE_TYPE(GpuDouble, GPU_DOUBLE)
OBJECT_DECLARE_SIMPLE_TYPE(GpuDoubleVf, GPU_DOUBLE_VF)

enum { CAP_EXPRESS = 0x80, EXT_CAP_ARI = 0x100, EXT_CAP_SRIOV = 0x140 };

static const uint64_t VF_BAR0_SIZE = 64 * KiB;

struct GpuDouble {
    PCIDevice parent_obj;
    MemoryRegion registers;    /* BAR0 */
    MemoryRegion framebuffer;  /* BAR1 */
    uint16_t vendor_id;
    uint16_t device_id;
    uint16_t subsystem_vendor_id;
    uint16_t subsystem_id;
    uint16_t class_id;
    uint8_t interface_id;
    uint8_t revision;
    uint32_t registers_kib;
    uint32_t framebuffer_mib;
    uint16_t total_vfs;
    uint16_t vf_device_id;
    uint16_t vf_offset;
    uint16_t vf_stride;
};

struct GpuDoubleVf {
    PCIDevice parent_obj;
    MemoryRegion registers;  /* BAR0 */
};

static uint64_t read_zero(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void ignore_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
}

static const MemoryRegionOps inert_ops = {
    .read = read_zero,
    .write = ignore_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static void set_identity(PCIDevice *dev, const GpuDouble *gpu)
{
    pci_config_set_vendor_id(dev->config, gpu->vendor_id);
    pci_config_set_device_id(dev->config, gpu->device_id);
    pci_config_set_class(dev->config, gpu->class_id);
    pci_config_set_prog_interface(dev->config, gpu->interface_id);
    pci_config_set_revision(dev->config, gpu->revision);
    pci_set_word(dev->config + PCI_SUBSYSTEM_VENDOR_ID, gpu->subsystem_vendor_id);
    pci_set_word(dev->config + PCI_SUBSYSTEM_ID, gpu->subsystem_id);
}

static bool add_express(PCIDevice *dev, Error **errp)
{
    if (pcie_endpoint_cap_init(dev, CAP_EXPRESS) < 0) {
        error_setg(errp, "%s: no room for the PCI Express capability", dev->name);
        return false;
    }
    pcie_cap_flr_init(dev);
    return true;
}

static void gpu_double_realize(PCIDevice *dev, Error **errp)
{
    GpuDouble *gpu = GPU_DOUBLE(dev);
    const int memory64 = PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64;

    set_identity(dev, gpu);
    pci_config_set_interrupt_pin(dev->config, 1);
    memory_region_init_io(&gpu->registers, OBJECT(dev), &inert_ops, gpu, "gpu-double-registers",
                          (uint64_t)gpu->registers_kib * KiB);
    pci_register_bar(dev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &gpu->registers);
    /* A companion of a GPU (sound, USB) has none. */
    if (gpu->framebuffer_mib) {
        memory_region_init_io(&gpu->framebuffer, OBJECT(dev), &inert_ops, gpu, "gpu-double-framebuffer",
                              (uint64_t)gpu->framebuffer_mib * MiB);
        pci_register_bar(dev, 1, memory64 | PCI_BASE_ADDRESS_MEM_PREFETCH, &gpu->framebuffer);
    }
    if (msi_init(dev, 0, 1, true, false, errp) || !add_express(dev, errp)) {
        return;
    }
    /* With ARI the first function alone would say which others there are; a card without VFs has the plain kind. */
    if (gpu->total_vfs) {
        pcie_ari_init(dev, EXT_CAP_ARI, 0);
        pcie_sriov_pf_init(dev, EXT_CAP_SRIOV, TYPE_GPU_DOUBLE_VF, gpu->vf_device_id, gpu->total_vfs,
                           gpu->total_vfs, gpu->vf_offset, gpu->vf_stride);
        pcie_sriov_pf_init_vf_bar(dev, 0, memory64, VF_BAR0_SIZE);
    }
}

static void gpu_double_exit(PCIDevice *dev)
{
    if (GPU_DOUBLE(dev)->total_vfs) {
        pcie_sriov_pf_exit(dev);
    }
    pcie_cap_exit(dev);
    msi_uninit(dev);
}

static void gpu_double_write_config(PCIDevice *dev, uint32_t addr, uint32_t value, int len)
{
    pci_default_write_config(dev, addr, value, len);
    pcie_cap_flr_write_config(dev, addr, value, len);
    pcie_sriov_config_write(dev, addr, value, len);
}

/* QEMU takes the VFs away at a reset but leaves VF Enable set, and Linux waits a second when it finds it so. */
static void gpu_double_reset(DeviceState *state)
{
    PCIDevice *dev = PCI_DEVICE(state);

    if (GPU_DOUBLE(dev)->total_vfs) {
        pcie_sriov_pf_disable_vfs(dev);
        pci_set_word(dev->config + EXT_CAP_SRIOV + PCI_SRIOV_CTRL, 0);
    }
}

/* A load begins with a system reset, so no VF is there yet; a loaded VF Enable bit asks for them. */
static int gpu_double_post_load(void *opaque, int version_id)
{
    PCIDevice *dev = PCI_DEVICE(opaque);

    if (GPU_DOUBLE(dev)->total_vfs) {
        uint16_t control = pci_get_word(dev->config + EXT_CAP_SRIOV + PCI_SRIOV_CTRL);

        pcie_sriov_config_write(dev, EXT_CAP_SRIOV + PCI_SRIOV_CTRL, control, 2);
    }
    return 0;
}

static const VMStateDescription gpu_double_vmstate = {
    .name = TYPE_GPU_DOUBLE,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = gpu_double_post_load,
    .fields = (VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, GpuDouble),
        VMSTATE_END_OF_LIST()
    },
};

static void gpu_double_vf_realize(PCIDevice *dev, Error **errp)
{
    GpuDoubleVf *vf = GPU_DOUBLE_VF(dev);

    set_identity(dev, GPU_DOUBLE(pcie_sriov_get_pf(dev)));
    memory_region_init_io(&vf->registers, OBJECT(dev), &inert_ops, vf, "gpu-double-vf-registers", VF_BAR0_SIZE);
    pcie_sriov_vf_register_bar(dev, 0, &vf->registers);
    if (add_express(dev, errp)) {
        pcie_ari_init(dev, EXT_CAP_ARI, 0);
    }
}

static void gpu_double_vf_exit(PCIDevice *dev)
{
    pcie_cap_exit(dev);
}

static void gpu_double_vf_write_config(PCIDevice *dev, uint32_t addr, uint32_t value, int len)
{
    pci_default_write_config(dev, addr, value, len);
    pcie_cap_flr_write_config(dev, addr, value, len);
}

static const VMStateDescription gpu_double_vf_vmstate = {
    .name = TYPE_GPU_DOUBLE_VF,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, GpuDoubleVf),
        VMSTATE_END_OF_LIST()
    },
};

static Property gpu_double_properties[] = {
    DEFINE_PROP_UINT16("vendor-id", GpuDouble, vendor_id, 0),
    DEFINE_PROP_UINT16("device-id", GpuDouble, device_id, 0),
    DEFINE_PROP_UINT16("subsystem-vendor-id", GpuDouble, subsystem_vendor_id, 0),
    DEFINE_PROP_UINT16("subsystem-id", GpuDouble, subsystem_id, 0),
    DEFINE_PROP_UINT16("class-id", GpuDouble, class_id, PCI_CLASS_DISPLAY_3D),
    DEFINE_PROP_UINT8("interface-id", GpuDouble, interface_id, 0),
    DEFINE_PROP_UINT8("revision", GpuDouble, revision, 0xa1),
    DEFINE_PROP_UINT32("registers-kib", GpuDouble, registers_kib, 16 * 1024),
    DEFINE_PROP_UINT32("framebuffer-mib", GpuDouble, framebuffer_mib, 256),
    DEFINE_PROP_UINT16("total-vfs", GpuDouble, total_vfs, 0),
    DEFINE_PROP_UINT16("vf-device-id", GpuDouble, vf_device_id, 0),
    DEFINE_PROP_UINT16("vf-offset", GpuDouble, vf_offset, 4),
    DEFINE_PROP_UINT16("vf-stride", GpuDouble, vf_stride, 1),
    DEFINE_PROP_END_OF_LIST(),
};

static void gpu_double_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *device = DEVICE_CLASS(klass);
    PCIDeviceClass *pci = PCI_DEVICE_CLASS(klass);

    pci->realize = gpu_double_realize;
    pci->exit = gpu_double_exit;
    pci->config_write = gpu_double_write_config;
    device->reset = gpu_double_reset;
    device->vmsd = &gpu_double_vmstate;
    device->desc = "test double of a GPU: any identity, SR-IOV, no function";
    device_class_set_props(device, gpu_double_properties);
    set_bit(DEVICE_CATEGORY_MISC, device->categories);
}

static void gpu_double_vf_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *device = DEVICE_CLASS(klass);
    PCIDeviceClass *pci = PCI_DEVICE_CLASS(klass);

    pci->realize = gpu_double_vf_realize;
    pci->exit = gpu_double_vf_exit;
    pci->config_write = gpu_double_vf_write_config;
    device->vmsd = &gpu_double_vf_vmstate;
    device->user_creatable = false;
    set_bit(DEVICE_CATEGORY_MISC, device->categories);
}

static InterfaceInfo express_interfaces[] = {
    { INTERFACE_PCIE_DEVICE },
    { }
};

static const TypeInfo gpu_double_types[] = {
    {
        .name = TYPE_GPU_DOUBLE,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(GpuDouble),
        .class_init = gpu_double_class_init,
        .interfaces = express_interfaces,
    },
    {
        .name = TYPE_GPU_DOUBLE_VF,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(GpuDoubleVf),
        .class_init = gpu_double_vf_class_init,
        .interfaces = express_interfaces,
    },
};

static void register_types(void)
{
    type_register_static_array(gpu_double_types, ARRAY_SIZE(gpu_double_types));
}
type_init(register_types)
