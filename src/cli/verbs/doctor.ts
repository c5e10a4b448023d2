import { EXIT_STATUS } from "../../errors.ts";
import { count, plainText } from "../../util/format.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const doctor = verb({
  command: "doctor",
  summary: "Check every part, and print the command that mends each finding",
  declare: (argv) =>
    argv
      .option("offline", { type: "boolean", default: false, description: "Leave the store out" })
      .option("json", JSON_OPTION)
      .epilogue("Exits with 1 when something is wrong. The store is tried with a small object that is removed again."),
  async run({ offline, json }, run) {
    const { doctor } = await import("../../commands/doctor.ts");
    const findings = await doctor(await run.context(), { offline });
    const wrong = findings.filter(({ ok }) => ok === false).length;
    if (json) run.out.json(findings);
    else {
      for (const { name, ok, detail, mend } of findings) {
        const mark = ok === true ? run.style.good("ok  ") : ok === false ? run.style.error("FAIL") : run.style.warning("?   ");
        run.out.line(`${mark} ${name}: ${plainText(detail)}`);
        if (mend !== undefined && ok !== true) run.out.line(`     → ${plainText(mend)}`);
      }
      run.out.line(wrong === 0 ? "Nothing is wrong." : `${count(wrong, "finding")}.`);
    }
    return wrong > 0 ? EXIT_STATUS.FINDINGS : 0;
  },
});
