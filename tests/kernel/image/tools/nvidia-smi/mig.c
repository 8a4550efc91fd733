/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia-smi mig: instances listed, made and destroyed, in the layout and the words of outputs that users published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smi.h"

struct options {
    const char *verb, *gpus, *instances, *computes, *tuples;
    bool fill;
};

/* ---- tables ---- */

static void edge(char line, size_t width, char end)
{
    putchar(end);
    while (width--)
        putchar(line);
    printf("%c\n", end);
}

static void row(const char *text, size_t width)
{
    printf("|%-*s|\n", (int)width, text);
}

static size_t head(const char *title, const char *const *lines, unsigned count)
{
    size_t width = strlen(lines[0]);

    edge('-', width, '+');
    row(title, width);
    for (unsigned i = 0; i < count; i++)
        row(lines[i], width);
    edge('=', width, '|');
    return width;
}

static int by_name(const void *one, const void *other)
{
    return strcmp((*(struct instance *const *)one)->name, (*(struct instance *const *)other)->name);
}

static bool chosen(const struct options *options, const struct instance *instance)
{
    char id[12];

    snprintf(id, sizeof id, "%u", instance->id);
    return !options->instances || listed(options->instances, id);
}

static int none(const char *kind)
{
    printf("No %s instances found: Not Found\n", kind);
    return NOT_FOUND;
}

static int list_instances(const struct options *options, struct gpu **held, unsigned count)
{
    static const char *const lines[] = {
        " GPU   Name               Profile  Instance   Placement  ",
        "                            ID       ID       Start:Size ",
    };
    size_t width = 0;

    for (unsigned i = 0; i < count; i++) {
        struct instance *sorted[MAX_INSTANCES];
        unsigned found = 0;

        for (unsigned each = 0; each < held[i]->instance_count; each++)
            if (chosen(options, &held[i]->instances[each]))
                sorted[found++] = &held[i]->instances[each];
        qsort(sorted, found, sizeof *sorted, by_name);
        for (unsigned each = 0; each < found; each++) {
            char name[40], place[24], text[160];

            if (!width)
                width = head(" GPU instances:", lines, 2);
            snprintf(name, sizeof name, "MIG %s", sorted[each]->name);
            snprintf(place, sizeof place, "%u:%u", sorted[each]->start, sorted[each]->size);
            snprintf(text, sizeof text, " %3u  %-19s %4d %8u %12s", held[i]->index, name, sorted[each]->profile,
                     sorted[each]->id, place);
            row(text, width);
            edge('-', width, '+');
        }
    }
    return width ? OK : none("GPU");
}

static int compute_id(unsigned slices)
{
    return slices == 7 ? 4 : (int)slices - 1;
}

/* What the tool calls a compute instance: like its GPU instance, where it fills it. */
static const char *compute_name(const struct instance *owner, unsigned size)
{
    static char name[48];

    if (size == owner->slices)
        snprintf(name, sizeof name, "%s", owner->name);
    else
        snprintf(name, sizeof name, "%uc.%s", size, owner->name);
    return name;
}

static int list_compute(const struct options *options, struct gpu **held, unsigned count)
{
    static const char *const lines[] = {
        " GPU     GPU       Name             Profile   Instance   Placement  ",
        "       Instance                       ID        ID       Start:Size ",
        "         ID                                                         ",
    };
    size_t width = 0;

    for (unsigned i = 0; i < count; i++)
        for (unsigned each = 0; each < held[i]->instance_count; each++) {
            const struct instance *owner = &held[i]->instances[each];

            for (unsigned part = 0; chosen(options, owner) && part < owner->count; part++) {
                const struct compute *made = &owner->parts[part];
                char name[56], place[24], text[160];

                if (!width)
                    width = head(" Compute instances:", lines, 3);
                snprintf(name, sizeof name, "MIG %s", compute_name(owner, made->size));
                snprintf(place, sizeof place, "%u:%u", made->start, made->size);
                snprintf(text, sizeof text, " %3u %6u       %-17s %4d %9u %12s", held[i]->index, owner->id, name,
                         compute_id(made->size), made->id, place);
                row(text, width);
                edge('-', width, '+');
            }
        }
    return width ? OK : none("compute");
}

static int list_profiles(struct gpu **held, unsigned count)
{
    static const char *const lines[] = {
        " GPU   Name               ID    Instances   Memory     P2P    SM    DEC   ENC  ",
        "                                Free/Total   GiB              CE    JPEG  OFA  ",
    };
    size_t width = head(" GPU instance profiles:", lines, 2);

    for (unsigned i = 0; i < count; i++)
        for (unsigned each = 0; each < held[i]->profile_count; each++) {
            const struct profile *of = &held[i]->profiles[each];
            char name[40], room[24], memory[24], text[192];

            snprintf(name, sizeof name, "MIG %s", of->name);
            snprintf(room, sizeof room, "%u/%u", of->free, of->total);
            snprintf(memory, sizeof memory, "%.2f", of->memory_mib / 1024.0);
            snprintf(text, sizeof text, " %3u  %-18s %4d %7s        %-11s%-7s%-7u%-6u%u", held[i]->index, name, of->id,
                     room, memory, "No", of->sm, of->decoders, of->encoders);
            row(text, width);
            snprintf(text, sizeof text, "%64u %5u %5u", of->copy, of->jpeg, of->optical);
            row(text, width);
            edge('-', width, '+');
        }
    return OK;
}

static int list_placements(struct gpu **held, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned each = 0; each < held[i]->profile_count; each++) {
            const struct profile *of = &held[i]->profiles[each];
            const char *comma = "";

            printf("GPU %2u Profile ID %2d %s {", held[i]->index, of->id,
                   of->starts & (of->starts - 1) ? "Placements:" : "Placement :");
            for (unsigned start = 0; start < 32; start++)
                if (of->starts >> start & 1) {
                    printf("%s%u", comma, start);
                    comma = ",";
                }
            printf("}:%u\n", of->size);
        }
    return OK;
}

/* ---- changes ---- */

static int fill(struct gpu *gpu, unsigned owner, unsigned slices)
{
    bool before[MAX_COMPUTE] = {false};
    int status;

    for (unsigned i = 0; i < gpu->instance_count; i++)
        for (unsigned part = 0; gpu->instances[i].id == owner && part < gpu->instances[i].count; part++)
            before[gpu->instances[i].parts[part].id] = true;
    status = change(gpu, "fill %u %u", owner, slices);
    if (status) {
        printf("Unable to create a compute instance on GPU %2u GPU instance ID %2u using profile %d: %s\n", gpu->index,
               owner, slices ? compute_id(slices) : 0, why(status));
        printf("Failed to create compute instances: %s\n", why(status));
        return status;
    }
    for (unsigned i = 0; i < gpu->instance_count; i++)
        for (unsigned part = 0; gpu->instances[i].id == owner && part < gpu->instances[i].count; part++) {
            const struct compute *made = &gpu->instances[i].parts[part];

            if (!before[made->id])
                printf("Successfully created compute instance ID %2u on GPU %2u GPU instance ID %2u using profile MIG"
                       " %s (ID %2d)\n",
                       made->id, gpu->index, owner, compute_name(&gpu->instances[i], made->size),
                       compute_id(made->size));
        }
    return OK;
}

static int profile_called(const struct gpu *gpu, const char *word)
{
    for (unsigned i = 0; i < gpu->profile_count; i++) {
        char id[12];

        snprintf(id, sizeof id, "%d", gpu->profiles[i].id);
        if (!strcmp(word, id) || !strcmp(word, gpu->profiles[i].name))
            return gpu->profiles[i].id;
    }
    return -1;
}

/* A profile's name or id and, after a colon, the first slice of a placement. */
static int create_one(const struct options *options, struct gpu *gpu, const char *tuple)
{
    const char *colon = strchr(tuple, ':');
    char name[32];
    int status;

    snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - tuple) : (int)strlen(tuple), tuple);
    status = change(gpu, "create %d %d", profile_called(gpu, name), colon ? atoi(colon + 1) : -1);
    if (status) {
        printf("Unable to create a GPU instance on GPU %2u using profile %s: %s\n", gpu->index, tuple, why(status));
        printf("Failed to create GPU instances: %s\n", why(status));
        return status;
    }
    struct instance made = gpu->instances[gpu->instance_count - 1];
    printf("Successfully created GPU instance ID %2u on GPU %2u using profile MIG %s (ID %2d)\n", made.id, gpu->index,
           made.name, made.profile);
    return options->fill ? fill(gpu, made.id, 0) : OK;
}

static int create(const struct options *options, struct gpu **held, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char words[256], *rest = words, *tuple;

        snprintf(words, sizeof words, "%s", options->tuples);
        while ((tuple = strsep(&rest, ","))) {
            int status = create_one(options, held[i], tuple);

            if (status)
                return status;
        }
    }
    return OK;
}

/* The slices of a compute instance profile, by id or by a name such as 1c.3g.40gb; 0 for the one that fills. */
static unsigned slices_called(const char *word)
{
    static const unsigned slices[] = {1, 2, 3, 4, 7};
    const char *c = strchr(word, 'c');

    if (!*word)
        return 0;
    if (c || strchr(word, 'g'))
        return c ? (unsigned)atoi(word) : 0;
    return (unsigned)atoi(word) < 5 ? slices[atoi(word)] : 99;
}

static int destroy(struct gpu *gpu, struct instance instance)
{
    int status = change(gpu, "destroy %u", instance.id);

    if (!status) {
        printf("Successfully destroyed GPU instance ID %2u from GPU %2u\n", instance.id, gpu->index);
        return OK;
    }
    printf("Unable to destroy GPU instance ID %2u from GPU %2u: %s\n", instance.id, gpu->index, why(status));
    printf("Failed to destroy GPU instances: %s\n", why(status));
    return status;
}

static int empty(const struct options *options, struct gpu *gpu, struct instance instance, unsigned *found)
{
    for (unsigned part = 0; part < instance.count; part++) {
        unsigned id = instance.parts[part].id;
        char word[12];
        int status;

        snprintf(word, sizeof word, "%u", id);
        if (options->computes && !listed(options->computes, word))
            continue;
        ++*found;
        status = change(gpu, "empty %u %u", instance.id, id);
        printf("%s compute instance ID %2u from GPU %2u GPU instance ID %2u",
               status ? "Unable to destroy" : "Successfully destroyed", id, gpu->index, instance.id);
        if (status) {
            printf(": %s\nFailed to destroy compute instances: %s\n", why(status), why(status));
            return status;
        }
        putchar('\n');
    }
    return OK;
}

static int each_instance(const struct options *options, struct gpu **held, unsigned count)
{
    unsigned found = 0, parts = 0;

    for (unsigned i = 0; i < count; i++) {
        struct gpu before = *held[i];

        for (unsigned each = 0; each < before.instance_count; each++) {
            struct instance instance = before.instances[each];
            int status;

            if (!chosen(options, &instance))
                continue;
            found++;
            if (!strcmp(options->verb, "-dgi"))
                status = destroy(held[i], instance);
            else if (!strcmp(options->verb, "-dci"))
                status = empty(options, held[i], instance, &parts);
            else
                status = fill(held[i], instance.id, slices_called(options->tuples));
            if (status)
                return status;
        }
    }
    if (!strcmp(options->verb, "-dci"))
        return parts ? OK : none("compute");
    return found ? OK : none("GPU");
}

/* ---- words ---- */

static bool read_options(int argc, char **argv, struct options *options)
{
    static const char *const verbs[] = {"-lgi", "-lci", "-lgip", "-lgipp", "-cgi", "-cci", "-dgi", "-dci"};

    for (int i = 0; i < argc; i++) {
        bool more = i + 1 < argc, known = true;

        if (!strcmp(argv[i], "-i") && more)
            options->gpus = argv[++i];
        else if (!strcmp(argv[i], "-gi") && more)
            options->instances = argv[++i];
        else if (!strcmp(argv[i], "-ci") && more)
            options->computes = argv[++i];
        else if (!strcmp(argv[i], "-C"))
            options->fill = true;
        else
            known = false;
        for (unsigned verb = 0; !known && verb < sizeof verbs / sizeof *verbs; verb++)
            if (!strcmp(argv[i], verbs[verb]) && !options->verb) {
                options->verb = verbs[verb];
                options->tuples = "";
                if ((!strcmp(argv[i], "-cgi") || !strcmp(argv[i], "-cci")) && more && argv[i + 1][0] != '-')
                    options->tuples = argv[++i];
                known = true;
                break;
            }
        if (!known)
            return false;
    }
    return options->verb && (strcmp(options->verb, "-cgi") || *options->tuples);
}

int manage_mig(int argc, char **argv)
{
    struct gpu *held[MAX_GPUS];
    struct options options = {0};
    unsigned capable = 0, count = 0;

    if (!read_options(argc, argv, &options))
        return usage("Invalid combination of input arguments. Please run 'nvidia-smi mig -h' for help.");
    for (unsigned i = 0; i < gpu_count; i++)
        if (gpus[i].has_mig && names(options.gpus, &gpus[i])) {
            capable++;
            if (gpus[i].mig)
                held[count++] = &gpus[i];
        }
    if (!count) {
        printf("No MIG-%s devices found.\n", capable ? "enabled" : "supported");
        return NOT_FOUND;
    }
    if (!strcmp(options.verb, "-lgi"))
        return list_instances(&options, held, count);
    if (!strcmp(options.verb, "-lci"))
        return list_compute(&options, held, count);
    if (!strcmp(options.verb, "-lgip"))
        return list_profiles(held, count);
    if (!strcmp(options.verb, "-lgipp"))
        return list_placements(held, count);
    if (!strcmp(options.verb, "-cgi"))
        return create(&options, held, count);
    return each_instance(&options, held, count);
}
