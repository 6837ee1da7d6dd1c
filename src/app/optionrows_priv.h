/* optionrows - the rows of optiontable.h, in the order of --help. */
#ifndef APP_OPTIONROWS_PRIV_H
#define APP_OPTIONROWS_PRIV_H

#include "app/optiontable.h"

extern const struct optiontable_row optionrows[];
extern const size_t optionrows_n;

#endif
