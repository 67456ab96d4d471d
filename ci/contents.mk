# Written by `make contents` from deepreshape/paper/contents.py.
EXACT := fig2 fig3c fig3d fig4a fig8 fig9 fig10 fig14 fig19 fig21 table1 table2 table7 table8 \
  table15 table16 table17 errata exercises learn-cost learn-equalization learn-fewer \
  learn-numbers learn-picture learn-secrecy protocols solutions teacher
TRAINED := fig1 fig3a fig3b fig3e fig3f fig4b fig4c fig5 fig6 fig7 fig11 fig12 fig13 fig15 fig16 \
  fig17 fig18 fig20 fig22 fig23 table3 table4 table5 table6 table9 table10 table11 table12 \
  table13 table14
RECORDED := intro short status costs campaign learn-criticality learn-reuse learn-distillation
WALKED := tutorial ten-lines
PLAIN := exercises teacher solutions tutorial ten-lines
