/**
 * optionhelp - what --help prints, made from the option table.
 */
#ifndef APP_OPTIONHELP_H
#define APP_OPTIONHELP_H

#include <stdio.h>

#include "app/options.h"

/** The help of one command: usage, what it does, its options; lines of at most 100 columns. */
void optionhelp_print_command(FILE *out, enum options_command command);

/** The help of the program: every command with what it does. */
void optionhelp_print_program(FILE *out);

#endif
