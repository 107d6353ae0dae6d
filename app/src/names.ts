// What people call the commonest measurements, by LOINC code; our own words. Anything else keeps its source's name.

import { language } from './strings'

type Names = readonly [en: string, de: string]

const names: Record<string, Names> = {
  '85354-9': ['Blood pressure', 'Blutdruck'], '55284-4': ['Blood pressure', 'Blutdruck'], '35094-2': ['Blood pressure', 'Blutdruck'],
  '8480-6': ['Upper blood pressure', 'Oberer Blutdruck'], '8462-4': ['Lower blood pressure', 'Unterer Blutdruck'],
  '29463-7': ['Weight', 'Gewicht'], '3141-9': ['Weight', 'Gewicht'], '8302-2': ['Height', 'Größe'], '39156-5': ['Body mass index', 'Körpermasse-Index'],
  '41982-0': ['Body fat', 'Körperfett'], '8867-4': ['Pulse', 'Puls'], '9279-1': ['Breaths', 'Atemzüge'], '8310-5': ['Temperature', 'Temperatur'],
  '59408-5': ['Oxygen in the blood', 'Sauerstoff im Blut'], '2708-6': ['Oxygen in the blood', 'Sauerstoff im Blut'],
  '55423-8': ['Steps', 'Schritte'], '41950-7': ['Steps a day', 'Schritte am Tag'], '72514-3': ['Pain', 'Schmerz'],
  '2823-3': ['Potassium', 'Kalium'], '6298-4': ['Potassium', 'Kalium'], '2951-2': ['Sodium', 'Natrium'], '2947-0': ['Sodium', 'Natrium'],
  '2075-0': ['Chloride', 'Chlorid'], '17861-6': ['Calcium', 'Calcium'], '2160-0': ['Creatinine (kidneys)', 'Kreatinin (Nieren)'],
  '38483-4': ['Creatinine (kidneys)', 'Kreatinin (Nieren)'], '14682-9': ['Creatinine (kidneys)', 'Kreatinin (Nieren)'],
  '3094-0': ['Urea (kidneys)', 'Harnstoff (Nieren)'], '6299-2': ['Urea (kidneys)', 'Harnstoff (Nieren)'],
  '33914-3': ['Kidney function', 'Nierenleistung'], '98979-8': ['Kidney function', 'Nierenleistung'],
  '2345-7': ['Blood sugar', 'Blutzucker'], '2339-0': ['Blood sugar', 'Blutzucker'], '14749-6': ['Blood sugar', 'Blutzucker'],
  '1558-6': ['Blood sugar, fasting', 'Blutzucker, nüchtern'], '4548-4': ['Long-term blood sugar (HbA1c)', 'Langzeitzucker (HbA1c)'],
  '59261-8': ['Long-term blood sugar (HbA1c)', 'Langzeitzucker (HbA1c)'],
  '2093-3': ['Cholesterol', 'Cholesterin'], '14647-2': ['Cholesterol', 'Cholesterin'], '2085-9': ['HDL cholesterol', 'HDL-Cholesterin'],
  '18262-6': ['LDL cholesterol', 'LDL-Cholesterin'], '13457-7': ['LDL cholesterol', 'LDL-Cholesterin'], '2571-8': ['Triglycerides', 'Triglyceride'],
  '718-7': ['Hemoglobin', 'Hämoglobin'], '4544-3': ['Hematocrit', 'Hämatokrit'], '6690-2': ['White blood cells', 'Weiße Blutzellen'],
  '789-8': ['Red blood cells', 'Rote Blutzellen'], '777-3': ['Platelets', 'Blutplättchen'], '1742-6': ['ALT (liver)', 'ALT (Leber)'],
  '1920-8': ['AST (liver)', 'AST (Leber)'], '6768-6': ['Alkaline phosphatase', 'Alkalische Phosphatase'], '1975-2': ['Bilirubin (liver)', 'Bilirubin (Leber)'],
  '1751-7': ['Albumin', 'Albumin'], '2885-2': ['Protein in the blood', 'Eiweiß im Blut'], '3016-3': ['Thyroid (TSH)', 'Schilddrüse (TSH)'],
  '72166-2': ['Smoking', 'Rauchen'], '1988-5': ['C-reactive protein (inflammation)', 'C-reaktives Protein (Entzündung)'],
}

/** The name that people use, else the one that a source gave. */
export function plain(code: string, title: string): string {
  const known = names[code]
  return known ? known[language === 'de' ? 1 : 0] : title
}
