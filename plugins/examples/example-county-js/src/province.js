// What has to be computed; the numbers come from overlay.toml.
//
// Values are tagged as in the WIT: { tag: 'money-fen', val: 3000000n }. Money is a BigInt of fen: never a
// floating point number. One file, because componentize-js takes one.

/** The finding of a rule. */
function finding(code, rule, severity, messageZh, messageEn, facts) {
  return { code, rule, severity, messageZh, messageEn, facts };
}

/** Why the package cannot answer; thrown, it becomes the `problem` of the interface. */
function problem(code, messageZh, messageEn) {
  return { code, messageZh, messageEn };
}

/** The fen of a fact; undefined where it is missing, which is not zero. */
function money(request, key) {
  const fact = request.facts.find((f) => f.key === key);
  if (fact === undefined) return undefined;
  if (fact.value.tag !== 'money-fen') {
    throw problem('bad-fact', `${key} 不是金额`, `${key} is not money`);
  }
  return fact.value.val;
}

/** A percentage of the overlay, in hundredths of a percent, with its rule. */
function percent(request, key) {
  const parameter = request.parameters.find((p) => p.key === key);
  if (parameter === undefined || parameter.value.tag !== 'percent') {
    throw problem('bad-parameter', `${key} 不是百分比`, `${key} is not a percentage`);
  }
  const [whole, part = ''] = parameter.value.val.split('.');
  return { hundredths: BigInt(whole + part.padEnd(2, '0').slice(0, 2)), rule: parameter.rule };
}

/** 3000000n → 30000.00 */
function yuan(fen) {
  const text = fen.toString().padStart(3, '0');
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

function cap(request) {
  const { hundredths, rule } = percent(request, 'floor-percent');
  const answer = { findings: [], facts: [], payments: [] };
  const missing = (key, zh, en) => {
    answer.findings.push(finding('input-required', rule, 'warning', zh, en, [key]));
    return answer;
  };
  const base = money(request, 'budget.fund_base');
  if (base === undefined) {
    return missing('budget.fund_base', '缺少资金基数', 'the fund base is missing');
  }
  // Rounded up: a floor is not met by a fraction of a fen less.
  const floor = (base * hundredths + 9999n) / 10000n;
  answer.facts.push({ key: 'budget.floor', value: { tag: 'money-fen', val: floor } });
  const total = money(request, 'budget.total');
  if (total === undefined) {
    return missing('budget.total', '缺少项目总经费', 'the total budget is missing');
  }
  if (total < floor) {
    const zh = `经费 ${yuan(total)} 元，低于下限 ${yuan(floor)} 元`;
    const en = `the budget of ${yuan(total)} yuan is below the floor of ${yuan(floor)} yuan`;
    answer.findings.push(finding('violation', rule, 'error', zh, en, ['budget.total']));
  }
  return answer;
}

export const rules = {
  describe() {
    return { id: 'example-county-js', version: '0.1.0', hooks: ['cap'], rules: ['XX-01'] };
  },

  check() {
    return { findings: [], facts: [], payments: [] };
  },

  compute(topic, request) {
    if (topic === 'cap') return cap(request);
    throw problem('unsupported', `不计算 ${topic}`, `does not compute ${topic}`);
  },

  runStep() {
    return { answer: { findings: [], facts: [], payments: [] }, next: undefined };
  },

  migrateFacts() {
    return { set: [], drop: [], findings: [] };
  },
};
