<?php

/**
 * The first start: no inverter is configured yet.
 *
 * @var Station\View $this
 * @var ?Station\Form $form
 */

declare(strict_types=1);

use Station\Form;

$form ??= Form::of($this->boards->fields('config'), $this->status->config, $this->texts);
?>
<section class="card narrow" aria-labelledby="first">
<h2 id="first" class="title"><?= $this->say('welcome') ?></h2>
<p class="hint"><?= $this->say('welcome hint') ?></p>
<form method="post" action="/first" class="form" data-first>
  <?= $this->tokenField(), $this->sequenceField($form) ?>
  <h3><?= $this->say('step inverter') ?></h3>
  <?php foreach (['serial-0', 'name-0', 'rated_power-0'] as $input) : ?>
        <?= $this->input($form, $input) ?>
  <?php endforeach ?>
  <h3><?= $this->say('step place') ?></h3>
  <p class="about"><?= $this->say('place hint') ?></p>
  <?php foreach (['timezone', 'latitude', 'longitude'] as $input) : ?>
        <?= $this->input($form, $input) ?>
  <?php endforeach ?>
  <button type="button" class="plain" id="here" hidden><?= $this->say('here') ?></button>
  <h3><?= $this->say('step start') ?></h3>
  <?= $this->zones() ?>
  <button class="start"><?= $this->say('save and start') ?></button>
</form>
</section>
