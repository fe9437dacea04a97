package order

// codePrefix begins every code that the CRM gives to an order of Pancake. It is stored data.
const codePrefix = "Pancake_"

// Code is the CRM's code of a shop's order: "Pancake_1635294032_2051".
func Code(shopID, orderID string) string { return codePrefix + shopID + "_" + orderID }
