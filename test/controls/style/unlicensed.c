/* For test/check-style.sh: whose is it? */
static int unlicensed;
