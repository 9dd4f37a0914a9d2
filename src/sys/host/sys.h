/* The module "qjs:sys": the door to the kernel, as interface Engine in src/sys/engine.ts describes it. */
#ifndef SYS_H
#define SYS_H

#include "quickjs.h"

/* Adds qjs:sys to ctx. argv must stay valid. NULL when memory ran out. */
JSModuleDef *add_sys_module(JSContext *ctx, int argc, char **argv);

#endif
