/* ENV: the environment of the script and of the programs that it starts, not of the virtuals. */
#include <mruby.h>
#include <mruby/class.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ruby/ruby.h"

static mrb_value env_value(mrb_state *mrb, const char *name)
{
	const char *value = getenv(name);

	return value ? mrb_str_new_cstr(mrb, value) : mrb_nil_value();
}

static mrb_value env_get(mrb_state *mrb, mrb_value self)
{
	const char *name;

	mrb_get_args(mrb, "z", &name);
	return env_value(mrb, name);
}

static mrb_value env_set(mrb_state *mrb, mrb_value self)
{
	const char *name, *value;

	mrb_get_args(mrb, "zz!", &name, &value);
	if ((value ? setenv(name, value, 1) : unsetenv(name)) == 0)
		return value ? mrb_str_new_cstr(mrb, value) : mrb_nil_value();
	mrb_raisef(mrb, E_ARGUMENT_ERROR, "%s cannot be the name of a variable", *name ? name : "an empty text");
}

static mrb_value env_delete(mrb_state *mrb, mrb_value self)
{
	mrb_value before = env_get(mrb, self);
	const char *name;

	mrb_get_args(mrb, "z", &name);
	unsetenv(name);
	return before;
}

static mrb_value env_has(mrb_state *mrb, mrb_value self)
{
	const char *name;

	mrb_get_args(mrb, "z", &name);
	return mrb_bool_value(getenv(name) != NULL);
}

/* fetch(name), fetch(name, otherwise), fetch(name) { |name| ... } */
static mrb_value env_fetch(mrb_state *mrb, mrb_value self)
{
	mrb_value block, otherwise = mrb_undef_value(), name, value;

	mrb_get_args(mrb, "S|o&", &name, &otherwise, &block);
	value = env_value(mrb, mrb_string_cstr(mrb, name));
	if (!mrb_nil_p(value))
		return value;
	if (!mrb_nil_p(block))
		return mrb_yield(mrb, block, name);
	if (!mrb_undef_p(otherwise))
		return otherwise;
	mrb_raisef(mrb, E_KEY_ERROR, "key not found: %v", mrb_inspect(mrb, name));
}

static mrb_value env_to_h(mrb_state *mrb, mrb_value self)
{
	mrb_value hash = mrb_hash_new(mrb);
	int arena = mrb_gc_arena_save(mrb);

	for (char **variable = environ; *variable; variable++) {
		const char *equals = strchr(*variable, '=');

		if (!equals)
			continue;
		mrb_hash_set(
			mrb, hash, mrb_str_new(mrb, *variable, equals - *variable), mrb_str_new_cstr(mrb, equals + 1));
		mrb_gc_arena_restore(mrb, arena);
	}
	return hash;
}

static mrb_value env_keys(mrb_state *mrb, mrb_value self)
{
	return mrb_hash_keys(mrb, env_to_h(mrb, self));
}

static mrb_value env_values(mrb_state *mrb, mrb_value self)
{
	return mrb_hash_values(mrb, env_to_h(mrb, self));
}

/* Over a copy, so that the block may change the environment. */
static mrb_value env_each(mrb_state *mrb, mrb_value self)
{
	mrb_value block;

	mrb_get_args(mrb, "&!", &block);
	mrb_funcall_with_block(mrb, env_to_h(mrb, self), mrb_intern_lit(mrb, "each"), 0, NULL, block);
	return self;
}

static mrb_value env_inspect(mrb_state *mrb, mrb_value self)
{
	return mrb_inspect(mrb, env_to_h(mrb, self));
}

static const struct {
	const char *name;
	mrb_func_t function;
	mrb_aspec args;
} methods[] = {
	{"[]", env_get, MRB_ARGS_REQ(1)},
	{"[]=", env_set, MRB_ARGS_REQ(2)},
	{"store", env_set, MRB_ARGS_REQ(2)},
	{"fetch", env_fetch, MRB_ARGS_ARG(1, 1) | MRB_ARGS_BLOCK()},
	{"delete", env_delete, MRB_ARGS_REQ(1)},
	{"key?", env_has, MRB_ARGS_REQ(1)},
	{"has_key?", env_has, MRB_ARGS_REQ(1)},
	{"include?", env_has, MRB_ARGS_REQ(1)},
	{"keys", env_keys, MRB_ARGS_NONE()},
	{"values", env_values, MRB_ARGS_NONE()},
	{"each", env_each, MRB_ARGS_BLOCK()},
	{"to_h", env_to_h, MRB_ARGS_NONE()},
	{"inspect", env_inspect, MRB_ARGS_NONE()},
	{"to_s", env_inspect, MRB_ARGS_NONE()},
};

void env_define(mrb_state *mrb)
{
	mrb_value env = mrb_obj_new(mrb, mrb->object_class, 0, NULL);

	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		mrb_define_singleton_method(
			mrb, mrb_obj_ptr(env), methods[i].name, methods[i].function, methods[i].args);
	mrb_define_global_const(mrb, "ENV", env);
}
