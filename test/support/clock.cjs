// Loaded before a program (node --require): its wall clock is off by BALLAST_TEST_CLOCK_MS milliseconds.
const offMs = Number(process.env.BALLAST_TEST_CLOCK_MS ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + offMs;
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now());
    else super(...args);
  }
  static now() {
    return now();
  }
};
