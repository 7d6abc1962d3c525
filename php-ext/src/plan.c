/* The fields of a board, as decoding and encoding want them. */

#include "php_pegel.h"

#define ALIGNED(size) ZEND_MM_ALIGNED_SIZE(size)

static pegel_field *fields_of(const pegel_reader *reader, size_t *count)
{
	pegel_field *fields = NULL;
	*count = 0;
	if (pegel_reader_fields(reader, NULL, 0, count) == PEGEL_OK) {
		fields = safe_emalloc(*count, sizeof(pegel_field), 1);
		pegel_reader_fields(reader, fields, *count, count);
	}
	return fields;
}

/*
 * Its names go into each array that is decoded. They outlive the request, unless a request opens so
 * many boards that these would fill the memory: then they are copied.
 */
pegel_plan *pegel_plan_new(const pegel_reader *reader)
{
	size_t count;
	pegel_field *fields = fields_of(reader, &count);
	size_t size = ALIGNED(sizeof(pegel_plan) + count * sizeof(pegel_plan_field));
	size_t names = 0;
	for (size_t i = 0; i < count; i++) {
		names += pegel_string_size(strnlen(fields[i].name, sizeof fields[i].name));
	}
	pegel_plan *plan = pemalloc(size + names, 1);
	char *room = (char *) plan + size;
	*plan = (pegel_plan) {
		.retired.size = size + names,
		.is_lasting = PEGEL_G(shared_size) < (size_t) MAX(PEGEL_G(cache_limit), 0),
		.count = count,
	};
	for (size_t i = 0; i < count; i++) {
		const pegel_field *field = &fields[i];
		size_t length = strnlen(field->name, sizeof field->name);
		plan->fields[i] = (pegel_plan_field) {
			.name = pegel_string_place(&room, field->name, length),
			.offset = field->offset,
			.size = field->size,
			.count = field->count,
			.type = field->type & ~PEGEL_OPTIONAL,
			.bit = field->type & PEGEL_OPTIONAL ? (int16_t) plan->optional++ : -1,
		};
	}
	if (fields) {
		efree(fields);
	}
	return plan;
}

void pegel_plan_free(pegel_plan *plan)
{
	if (plan->is_lasting) {
		PEGEL_G(shared_size) += plan->retired.size;
		pegel_retire(&plan->retired);
	} else {
		pefree(plan, 1);
	}
}
