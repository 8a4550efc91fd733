/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TEST STAND-IN for NVIDIA's nvidia-smi. It knows the bench's test driver only, and of the tool's options those that
 * gpucarve uses: the CSV query, the MIG mode, the reset, `mig` with its lists and changes, `vgpu -q`.
 *
 * The state is the driver's, and so are the answers; here is the tool's part: words, tables, exit statuses. They are
 * after the MIG user guide and outputs that users published.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "smi.h"

static const char holders[] =
    "one or more other processes (e.g. CUDA application or a monitoring application such as another instance of "
    "nvidia-smi). Please first kill all processes using the device and retry the command or reboot the system to make "
    "MIG mode effective.";

int usage(const char *form)
{
    puts(form);
    return INVALID;
}

static bool read_release(char *release, size_t size)
{
    FILE *file = fopen("/proc/driver/nvidia/version", "r");
    char line[160] = "", number[32];
    const char *found;

    if (!file)
        return false;
    found = fgets(line, sizeof line, file) ? strstr(line, "Module  ") : NULL;
    fclose(file);
    if (!found || sscanf(found, "Module  %31s", number) != 1)
        return false;
    snprintf(release, size, "%s", number);
    return true;
}

static const char *mode_word(const struct gpu *gpu, bool on)
{
    return !gpu->has_mig ? "[N/A]" : on ? "Enabled" : "Disabled";
}

/* A field's value in `text`; false for a field that is not known. */
static bool field(const char *name, const struct gpu *gpu, const char *release, const char *unit, char text[80])
{
    const size_t size = 80;

    if (!strcmp(name, "index"))
        snprintf(text, size, "%u", gpu->index);
    else if (!strcmp(name, "pci.bus_id") || !strcmp(name, "gpu_bus_id"))
        snprintf(text, size, "%s", gpu->bus_id);
    else if (!strcmp(name, "name") || !strcmp(name, "gpu_name"))
        snprintf(text, size, "%s", gpu->model);
    else if (!strcmp(name, "driver_version"))
        snprintf(text, size, "%s", release);
    else if (!strcmp(name, "memory.total"))
        snprintf(text, size, "%u%s", gpu->memory_mib, unit);
    else if (!strcmp(name, "mig.mode.current"))
        snprintf(text, size, "%s", mode_word(gpu, gpu->mig));
    else if (!strcmp(name, "mig.mode.pending"))
        snprintf(text, size, "%s", mode_word(gpu, gpu->pending));
    else
        return false;
    return true;
}

static int query(const char *only, const char *fields, const char *unit, const char *release)
{
    for (int shown = 0; shown < 2; shown++) /* every field is looked at before the first is printed */
        for (unsigned i = 0; i < gpu_count; i++) {
            char words[256], text[80], *rest = words, *name;
            const char *comma = "";

            if (!names(only, &gpus[i]))
                continue;
            snprintf(words, sizeof words, "%s", fields);
            for (; (name = strsep(&rest, ",")); comma = ", ") {
                if (!field(name, &gpus[i], release, unit, text)) {
                    printf("Field \"%s\" is not a valid field to query.\n\n", name);
                    return INVALID;
                }
                if (shown)
                    printf("%s%s", comma, text);
            }
            if (shown)
                putchar('\n');
        }
    return OK;
}

static int set_mode(const char *only, bool enabled)
{
    const char *verb = enabled ? "enable" : "disable";

    for (unsigned i = 0; i < gpu_count; i++) {
        struct gpu *gpu = &gpus[i];
        int status;

        if (!names(only, gpu))
            continue;
        status = change(gpu, "mode %d", enabled);
        if (status) {
            printf("Unable to %s MIG Mode for GPU %s: %s\n", verb, gpu->bus_id, why(status));
            if (status != UNSUPPORTED) {
                puts("Terminating early due to previous errors.");
                return status;
            }
            puts("Treating as warning and moving on.");
        } else if (gpu->mig == enabled) {
            printf("%sd MIG Mode for GPU %s\n", enabled ? "Enable" : "Disable", gpu->bus_id);
        } else {
            printf("Warning: MIG mode is in pending %s state for GPU %s:In use by another client\n", verb, gpu->bus_id);
            printf("%s is currently being used by %s\n", gpu->bus_id, holders);
        }
    }
    puts("All done.");
    return OK;
}

static int reset(const char *only)
{
    const struct gpu *refused[MAX_GPUS];
    int statuses[MAX_GPUS];
    unsigned count = 0;

    for (unsigned i = 0; i < gpu_count; i++)
        if (names(only, &gpus[i])) {
            int status = change(&gpus[i], "reset");

            statuses[count] = status;
            if (status)
                refused[count++] = &gpus[i];
            else
                printf("GPU %s was successfully reset.\n", gpus[i].bus_id);
        }
    if (!count) {
        puts("All done.");
        return OK;
    }
    puts("\nThe following GPUs could not be reset:");
    for (unsigned i = 0; i < count; i++)
        printf("  GPU %s: %s\n", refused[i]->bus_id, why(statuses[i]));
    printf("\n%u device%s currently being used by %s\n", count, count == 1 ? " is" : "s are", holders);
    return 255;
}

/* Only what guests run with is active; of what a guest's driver reports nothing is known here. */
static int active_vgpus(void)
{
    for (unsigned i = 0; i < gpu_count; i++) {
        char path[96], line[120], uuid[40], instance[12];
        unsigned type, opened, count = 0;

        snprintf(path, sizeof path, "/proc/driver/nvidia/gpus/%s/vgpus", gpus[i].address);
        for (int pass = 0; pass < 2; pass++) {
            FILE *file = fopen(path, "r");

            if (pass) {
                printf("GPU %s\n", gpus[i].bus_id);
                printf("%-42s: %u\n", "    Active vGPUs", count);
            }
            for (unsigned number = 3251634190u; file && fgets(line, sizeof line, file);) {
                if (sscanf(line, "%39s %u %11s %u", uuid, &type, instance, &opened) != 4 || !opened)
                    continue;
                count++;
                if (!pass)
                    continue;
                printf("%-42s: %u\n", "    vGPU ID", number++);
                printf("%-42s: %u\n", "        vGPU Type", type);
                printf("%-42s: %s\n", "        MDEV UUID", uuid);
                printf("%-42s: %s\n", "        GPU Instance ID", *instance == '-' ? "N/A" : instance);
            }
            if (file)
                fclose(file);
        }
    }
    return OK;
}

/* One at a time: what a change made is known by what was there before it. */
static void one_at_a_time(void)
{
    int lock = open("/proc/driver/nvidia/version", O_RDONLY);

    if (lock >= 0)
        flock(lock, LOCK_EX);
}

int main(int argc, char **argv)
{
    const char *only = NULL, *fields = NULL, *format = NULL, *mode = NULL;
    bool wants_reset = false, loaded;
    char release[32] = "N/A";

    loaded = read_release(release, sizeof release);
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("nvidia-smi: test stand-in, not NVIDIA's tool\nDRIVER version      : %s\n", release);
        return OK;
    }
    if (!loaded) {
        puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver (test stand-in).");
        return NO_DRIVER;
    }
    one_at_a_time();
    read_gpus();
    if (!gpu_count) {
        puts("No devices were found");
        return NOT_FOUND;
    }
    if (argc > 1 && !strcmp(argv[1], "mig"))
        return manage_mig(argc - 2, argv + 2);
    if (argc == 3 && !strcmp(argv[1], "vgpu") && !strcmp(argv[2], "-q"))
        return active_vgpus();
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-i") && i + 1 < argc)
            only = argv[++i];
        else if (!strcmp(argv[i], "-mig") && i + 1 < argc && argv[i + 1][1] == '\0' && strchr("01", argv[i + 1][0]))
            mode = argv[++i];
        else if (!strcmp(argv[i], "--gpu-reset"))
            wants_reset = true;
        else if (!strncmp(argv[i], "--query-gpu=", 12))
            fields = argv[i] + 12;
        else if (!strncmp(argv[i], "--format=", 9))
            format = argv[i] + 9;
        else
            return usage("Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.");
    }
    bool there = false;
    for (unsigned i = 0; i < gpu_count; i++)
        there |= names(only, &gpus[i]);
    if (!there) {
        puts("No devices were found");
        return NOT_FOUND;
    }
    if (mode && !wants_reset && !fields)
        return set_mode(only, *mode == '1');
    if (wants_reset && !mode && !fields)
        return reset(only);
    if (fields && format && !strcmp(format, "csv,noheader"))
        return query(only, fields, " MiB", release);
    if (fields && format && !strcmp(format, "csv,noheader,nounits"))
        return query(only, fields, "", release);
    fputs("nvidia-smi (test stand-in): only what gpucarve asks is known here\n", stderr);
    return INVALID;
}
