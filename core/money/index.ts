export { amountOf, amountsOf, type Amounts } from './amounts.js';
export { Decimal, decimal, decimalTextOf, isDecimalText, maximum, minimum, text, ZERO, ZERO_TEXT, type DecimalText } from './decimal.js';
export { ceilToStep, floorToStep, isOnStep, quantize, quantizeUp, toFloat } from './step.js';
